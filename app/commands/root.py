"""The `nodulus` command; its sub-commands are imported only when they run."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from typing import Any, NoReturn

import click

from nodulus.app.errors import ErrorCode, NodulusError

EXIT_FAILED = 1

OWN_PROCESS = "own process"
"""The context's object where nothing else runs in this process, before or after the command."""

COMMANDS = {
    "accounts": "Make and change the accounts of a service.",
    "challenge": "Run as an algorithm of grand-challenge.org.",
    "cohort": "Find and rate nodules in many studies, on every core or machine.",
    "decisions": "Turn signed-off reviews into training data and a report of agreement.",
    "detect": "Find and rate nodules in every study of a folder.",
    "eda": "Show what is in the training data.",
    "evaluate": "Compare marks with known nodules.",
    "export": "Write findings in the formats of other tools.",
    "follow": "Match the nodules of two scans and say what has changed.",
    "guidelines": "Say what guidelines and risk models advise for findings.",
    "import": "Turn weights that others have trained into models.",
    "info": "Say what this installation is and can do.",
    "mcp": "Let an agent read results, by the Model Context Protocol.",
    "model-server": "Have the networks on a server, for many callers.",
    "node": "Analyse what an Orthanc receives.",
    "package": "Write what MONAI Deploy's packager is given.",
    "phantom": "Write synthetic chest CT studies with known nodules.",
    "prepare": "Turn annotated CT into a cache that the bundles train on.",
    "review": "Read, decide on and complete findings in a page of this computer.",
    "serve": "Take studies by several ways, analyse them and have them reviewed.",
    "schema": "Print the JSON schema of findings.json.",
}

TRAINING_PACKAGES = {
    "ignite": "pytorch-ignite",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
}
"""What training and evaluation import and inference does not, by import name: the extra `train`."""

_MODULES = {"import": "import_models", "model-server": "model_server"}
"""Where a module cannot have its command's name."""


def package_missing(package: str) -> NodulusError:
    """The error of a command whose package of the extra ``train`` is not installed."""
    return NodulusError(
        ErrorCode.PACKAGE_MISSING,
        f"This command needs the package {TRAINING_PACKAGES[package]}.",
        remedy="Install it with: pip install -c constraints.txt '.[train]'",
    )


def _fail(error: NodulusError) -> NoReturn:
    click.secho(f"error: {error}", err=True, fg="red")
    sys.exit(EXIT_FAILED)


class LazyGroup(click.Group):
    """Lists the sub-commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the sub-commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one sub-command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(
            f"nodulus.app.commands.{_MODULES.get(cmd_name, cmd_name)}"
        ).command
        if not isinstance(command, click.Command):
            raise TypeError(f"nodulus.app.commands.{cmd_name}.command is not a click command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a sub-command; an error that a user can act on is a line and status 1, no trace."""
        try:
            return super().invoke(ctx)
        except NodulusError as error:
            _fail(error)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in TRAINING_PACKAGES:
                raise
            _fail(package_missing(package))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("nodulus"), prog_name="nodulus")
def cli() -> None:
    """Lung nodules in chest CT: DICOM in, ranked and explained findings out.

    Research software, not a medical device.
    """
