"""When `python -m app` is a call of MONAI Deploy, and what it says without the SDK."""

from __future__ import annotations

from importlib import metadata

import pytest

from nodulus.app.deploy import sdk
from nodulus.app.deploy.deploy_call import is_deploy_call
from nodulus.app.deploy.main import main
from nodulus.app.errors import ErrorCode, NodulusError

RUNTIME = {"HOLOSCAN_INPUT_PATH": "/in"}


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["-i", "in", "-o", "out", "-m", "models"], {}, True),
        (["--input", "in"], RUNTIME, True),
        (["-l", "DEBUG"], RUNTIME, True),
        ([], RUNTIME, True),
        ([], {}, False),
        ([], {"HOLOSCAN_INPUT_PATH": ""}, False),
        (["detect", "in", "-o", "out"], {}, False),
        (["detect", "in", "-o", "out"], RUNTIME, False),
        (["--help"], RUNTIME, False),
        (["-h"], {}, False),
        (["--version"], {}, False),
    ],
)
def test_options_or_the_environment_alone_start_the_application(
    arguments: list[str], environment: dict[str, str], expected: bool
) -> None:
    assert is_deploy_call(arguments, environment) is expected


def test_without_the_sdk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(sdk.metadata, "version", missing)
    with pytest.raises(NodulusError) as caught:
        sdk.prepare_sdk()
    assert caught.value.code is ErrorCode.PACKAGE_MISSING
    assert "[deploy]" in caught.value.remedy
    assert main(["-i", ".", "-o", "."]) == 1
    assert "package-missing" in capsys.readouterr().err


def test_the_command_line_is_what_it_was(run) -> None:  # type: ignore[no-untyped-def]
    done = run("app", "schema", environment=RUNTIME)
    assert done.returncode == 0, done.stderr
    assert '"title": "Nodulus findings' in done.stdout
