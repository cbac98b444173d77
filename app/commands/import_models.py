"""`nodulus import`."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(path_type=Path)


@click.group("import")
def command() -> None:
    """Turn weights that others have trained into models for `nodulus detect`."""


@command.command("dlwpt")
@click.option("--seg", required=True, type=_FILE, help="Checkpoint of the chapter 13 U-Net.")
@click.option("--cls", "cls_", required=True, type=_FILE, help="Checkpoint of LunaModel: nodule?")
@click.option(
    "--mal",
    type=_FILE,
    help="Checkpoint of LunaModel: malignant? Default: the shipped malignancy model.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="New model folder."
)
def dlwpt(seg: Path, cls_: Path, mal: Path | None, output: Path) -> None:
    """The checkpoints of the book 'Deep Learning with PyTorch'.

    The new folder also holds the settings that belong to these models, and in its sub-folder
    `book` those of the book's own chain, which looks outside the lungs too.
    """
    from nodulus.app.book import import_checkpoints
    from nodulus.app.book.model_folder import BOOK_RECIPE

    import_checkpoints(seg, cls_, mal, output)
    rated = "the shipped one" if mal is None else "imported"
    click.echo(f"{output}: segmentation and nodule imported, malignancy {rated}")
    click.echo(f"  in the lungs:      nodulus detect INPUT -o OUT --models {output}")
    click.echo(
        f"  the book's chain:  nodulus detect INPUT -o OUT --models {output}"
        f" --settings {output / BOOK_RECIPE}"
    )
