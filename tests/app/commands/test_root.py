"""Every command is listed, explains itself and imports nothing heavy for that."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nodulus.app.commands.root import COMMANDS, cli


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert isinstance(cli.get_command(click.Context(cli), name), click.Command)


def commands(group: click.Group) -> Iterator[click.Command]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


def test_every_command_takes_what_its_options_give() -> None:
    for command in commands(cli):
        given = {param.name for param in command.params if param.expose_value}
        wanted = inspect.signature(inspect.unwrap(command.callback)).parameters
        required = {
            name
            for name, one in wanted.items()
            if one.kind is not one.VAR_KEYWORD and one.default is one.empty
        }
        assert required <= given, f"{command.name}: no option gives {required - given}"
        if not any(one.kind is one.VAR_KEYWORD for one in wanted.values()):
            assert given <= set(wanted), f"{command.name}: does not take {given - set(wanted)}"


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from click.testing import CliRunner;"
        "from nodulus.app.commands.root import cli;"
        "print(CliRunner().invoke(cli, ['--help']).output);"
        "print([m for m in ('torch', 'monai', 'pydicom', 'highdicom') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert all(name in output for name in COMMANDS)
    assert output.strip().endswith("[]")


def test_unknown_commands_are_refused() -> None:
    assert CliRunner().invoke(cli, ["nonsense"]).exit_code == 2


def test_a_package_of_training_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [n for n in sys.modules if n.startswith("nodulus.app.evaluation")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)  # as if it could not be found
    monkeypatch.setitem(sys.modules, "sklearn", None)
    arguments = ["evaluate", "findings", str(tmp_path), "--nodules", str(tmp_path / "none.csv")]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    assert "package-missing" in result.output
    assert "scikit-learn" in result.output
    assert "'.[train]'" in result.output


def test_any_other_missing_module_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nodulus.app.results.schema", None)
    with pytest.raises(ModuleNotFoundError, match=r"nodulus\.app\.results\.schema"):
        CliRunner().invoke(cli, ["schema"], catch_exceptions=False)
