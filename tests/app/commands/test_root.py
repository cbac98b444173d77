from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from nodulus.app.commands.root import COMMANDS, cli


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert isinstance(cli.get_command(click.Context(cli), name), click.Command)


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
