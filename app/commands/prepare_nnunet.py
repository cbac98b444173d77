"""`nodulus prepare to-nnunet`: training caches as a data folder of nnU-Net."""

from __future__ import annotations

from pathlib import Path

import click

from nodulus.app.errors import ErrorCode, NodulusError, not_writable

_FOLDER = click.Path(path_type=Path)


@click.command("to-nnunet")
@click.argument("folders", metavar="CACHE...", nargs=-1, required=True, type=_FOLDER)
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder nnUNet_raw, in which the data folder is made.")  # fmt: skip
@click.option("--id", "number", required=True, type=click.IntRange(1, 999),
              help="Of the data set: Dataset<ID>_<NAME>.")  # fmt: skip
@click.option("--name", default="LungNodules", show_default=True, help="Likewise.")
@click.option("--splits-file", type=click.Path(dir_okay=False, path_type=Path),
              help="Default: splits.json in the first folder.")  # fmt: skip
def to_nnunet(
    folders: tuple[Path, ...], output: Path, number: int, name: str, splits_file: Path | None
) -> None:
    """Write the caches CACHE, and the split of their patients, as nnU-Net v2 reads them.

    Copy splits_final.json to nnUNet_preprocessed/Dataset<ID>_<NAME> after planning, and train
    fold 0. Scans of which not every nodule is marked are left out.
    """
    from nodulus.app.data.nnunet.write_dataset import write_nnunet
    from nodulus.bundles.common.splits import Folds, default_file, load_split

    if not name.isidentifier():
        raise click.BadParameter("letters, digits and _ only", param_hint="--name")
    dirs = [str(folder) for folder in folders]
    path = splits_file or default_file(dirs, Folds())
    if not path.is_file():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "There is no split of these patients.",
            remedy="Draw it with `nodulus prepare split`.",
            subject=path,
        )
    try:
        split = load_split(dirs, splits_file=path)
    except (ValueError, OSError) as error:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            f"The data cannot be used by this split: {error}.",
            remedy="Look at it with `nodulus prepare split`.",
            subject=path,
        ) from error
    folder = output / f"Dataset{number:03d}_{name}"
    try:
        counts = write_nnunet(split, folder)
    except OSError as error:
        raise not_writable(folder, error) from error
    click.echo(
        f"{folder}: {counts.training} scans train, {counts.validation} validate, {counts.test} are"
        f" kept for test"
    )
    if counts.left_out:
        click.echo(f"left out: {counts.left_out} scans whose nodules are not all marked")
