"""What MONAI Deploy's packager is given, as far as it goes without Docker."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from nodulus.app.chain import load_models
from nodulus.app.commands.root import cli
from nodulus.app.deploy.models import MODEL_NAMES, load_deployed_models
from nodulus.app.deploy.package import packager_command, write_package
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.deploy.conftest import REPOSITORY
from tests.app.deploy.test_application import pytestmark as needs_sdk

PACKAGER = REPOSITORY / ".venv-package" / "bin" / "python"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package") / "map"
    write_package(folder)
    return folder


def test_every_model_folder_has_one_file_with_the_weights_and_configs(package: Path) -> None:
    found = {p.relative_to(package / "models").as_posix() for p in (package / "models").rglob("*")}
    assert found == {*MODEL_NAMES, *(f"{name}/model.ts" for name in MODEL_NAMES)}
    shipped, deployed = load_models(device="cpu"), load_deployed_models(package / "models", "cpu")
    for name in MODEL_NAMES:
        a, b = getattr(shipped, name), getattr(deployed, name)
        assert (a.name, a.version, a.trained_on) == (b.name, b.version, b.trained_on)
        assert (a.spacing_mm, a.window_hu, a.input_size) == (
            b.spacing_mm,
            b.window_hu,
            b.input_size,
        )
        assert a.sha256 != b.sha256  # of another file
        weights = b.network.state_dict()
        assert all(torch.equal(v, weights[k]) for k, v in a.network.state_dict().items()), name
        assert type(a.network) is type(b.network)


@needs_sdk
def test_the_sdk_knows_the_models(package: Path, run) -> None:  # type: ignore[no-untyped-def]
    code = (
        "import sys; from monai.deploy.core.models import ModelFactory\n"
        "models = ModelFactory.create(sys.argv[1])\n"
        "print(sorted((n, type(m).__name__) for n, m in models.items()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(package / "models")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(sorted((n, "TorchScriptModel") for n in MODEL_NAMES))


@needs_sdk
def test_the_application_folder_runs_by_itself(package: Path, tmp_path: Path) -> None:
    application = package / "application"
    assert not list(application.rglob("*.pt"))
    (tmp_path / "in").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOLOSCAN", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, str(application)],
        env={
            **kept,
            "HOLOSCAN_INPUT_PATH": str(tmp_path / "in"),
            "HOLOSCAN_OUTPUT_PATH": str(tmp_path / "out"),
            "HOLOSCAN_MODEL_PATH": str(package / "models"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "[input-empty]" in done.stderr


@pytest.mark.parametrize("broken", ["missing", "no archive", "no configs"])
def test_a_model_that_cannot_be_used_is_named(tmp_path: Path, broken: str) -> None:
    for name in MODEL_NAMES:
        (tmp_path / name).mkdir()
        script = torch.jit.script(torch.nn.Linear(1, 1))
        torch.jit.save(script, str(tmp_path / name / "model.ts"))
    first = tmp_path / "segmentation" / "model.ts"
    if broken == "missing":
        first.unlink()
    elif broken == "no archive":
        first.write_bytes(b"text")
    with pytest.raises(NodulusError) as caught:
        load_deployed_models(tmp_path, "cpu")
    expected = ErrorCode.MODEL_NOT_FOUND if broken == "missing" else ErrorCode.MODEL_INVALID
    assert caught.value.code is expected
    assert caught.value.subject == str(first)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = CliRunner().invoke(cli, ["package", "-o", str(tmp_path)])
    assert done.exit_code == 1
    assert "output-not-writable" in done.output
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_missing_bundles_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(NodulusError) as caught:
        write_package(tmp_path / "map", tmp_path / "none")
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
    assert list(tmp_path.iterdir()) == []


def _names(text: str) -> dict[str, str]:
    rows = re.findall(r"^([\w.-]+)==([^\s;]+)(?:; *(.*))?$", text, re.MULTILINE)
    return {
        name.lower().replace("_", "-"): version
        for name, version, marker in rows
        if not marker or ">=" in marker
    }


def test_the_requirements_are_the_project_s_at_the_constraints_versions() -> None:
    pinned = _names((REPOSITORY / "constraints.txt").read_text())
    listed = _names((REPOSITORY / "app" / "deploy" / "requirements.txt").read_text())
    assert {name: pinned.get(name) for name in listed} == listed
    needed = {
        re.split(r"[^\w.-]", wanted)[0].lower().replace("_", "-")
        for wanted in metadata.requires("nodulus") or []
        if "extra ==" not in wanted
    }
    assert needed <= set(listed)
    assert {"monai-deploy-app-sdk", "holoscan-cu13"} <= set(listed)


def test_the_configuration_names_this_version() -> None:
    text = (REPOSITORY / "app" / "deploy" / "app.yaml").read_text()
    assert f"version: {metadata.version('nodulus')}\n" in text


@pytest.mark.skipif(not PACKAGER.exists(), reason="needs holoscan-cli 4.2: make test-deploy")
def test_the_packager_takes_it_up_to_docker(package: Path, tmp_path: Path) -> None:
    command = packager_command(package).split()[1:]
    done = subprocess.run(
        [str(PACKAGER), str(Path(__file__).with_name("run_packager.py")), str(tmp_path), *command,
         "--build-cache", str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Succeeded" in done.stdout
    context = tmp_path / "context"
    application = json.loads((context / "map" / "app.json").read_text())
    assert application["command"] == '["python3", "/opt/holoscan/app"]'
    assert application["version"] == metadata.version("nodulus")
    assert application["sdk"] == "monai-deploy"
    assert application["input"]["formats"] == ["DICOM"]
    image = json.loads((context / "map" / "pkg.json").read_text())
    assert image["models"] == {n: f"/opt/holoscan/models/{n}" for n in MODEL_NAMES}
    assert image["resources"]["memory"] == "6Gi"
    for name in MODEL_NAMES:
        assert [p.name for p in (context / "models" / name).iterdir()] == ["model.ts"]
    assert (context / "app" / "__main__.py").is_file()
    assert (context / "pip" / "requirements.txt").read_text().startswith("#")
    dockerfile = (context / "Dockerfile").read_text()
    for line in (
        "COPY ./app /opt/holoscan/app",
        "USER $UNAME",
        "COPY ./models  /opt/holoscan/models",
    ):
        assert line in dockerfile
