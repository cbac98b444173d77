"""`nodulus package`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("package")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder to be made."
)
@click.option(
    "-m",
    "--models",
    type=click.Path(path_type=Path),
    help="Folder with the three bundles; default: the shipped ones.",
)
def command(output: Path, models: Path | None) -> None:
    """Write what MONAI Deploy's packager is given.

    OUTPUT gets the application folder, the model folder (one TorchScript file a model) and the
    documents. The command that builds the image from it, on a machine with Docker, is printed.
    """
    from rich.console import Console

    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.deploy.package import packager_command, write_package

    with StudyProgress(Console(stderr=True)) as progress:
        write_package(
            output, models, lambda done, total: progress.step("compiling models", done, total)
        )
    click.echo(packager_command(output))
