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


@command.command("weights")
@click.option("--segmentation", type=_FILE, help="Weights of the segmentation bundle.")
@click.option("--nodule", type=_FILE, help="Weights of the nodule bundle.")
@click.option("--malignancy", type=_FILE, help="Weights of the malignancy bundle.")
@click.option("--version", required=True, help="Of the new weights, such as 1.0.0.")
@click.option("--data-source", required=True, help="What they learnt from; every result says it.")
@click.option(
    "--settings",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with operating_points.json and perhaps pipeline.json and lungs.json that were"
    " chosen with these weights.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="New model folder."
)
def weights(
    segmentation: Path | None,
    nodule: Path | None,
    malignancy: Path | None,
    version: str,
    data_source: str,
    settings: Path | None,
    output: Path,
) -> None:
    """Weights of one's own, as a training of the bundles publishes them.

    A network that is not given stays the shipped one.
    """
    given = {"segmentation": segmentation, "nodule": nodule, "malignancy": malignancy}
    own = {name: path for name, path in given.items() if path is not None}
    if not own:
        raise click.UsageError("Give --segmentation, --nodule or --malignancy.")
    if not version.strip() or not data_source.strip():
        raise click.UsageError("--version and --data-source must not be empty.")

    from nodulus.app.model_folder import build_model_folder

    without = build_model_folder(
        own, output, version=version, data_source=data_source, settings=settings
    )
    click.echo(f"{output}: {', '.join(own)} {version}; the rest is as shipped")
    for name in without:
        click.echo(f"  warning: no record of patients fits the weights of {name}: nothing can say"
                   " whose scans they have seen.")  # fmt: skip
    if settings is None or not (settings / "operating_points.json").is_file():
        click.echo(
            "  warning: the operating points are those of the shipped weights. Choose new ones"
            " (nodulus evaluate), and put operating_points.json into the folder."
        )
    click.echo(f"  nodulus detect INPUT -o OUT --models {output}")
