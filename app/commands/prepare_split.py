"""`nodulus prepare split`: who trains, validates and tests, before anything is trained."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.figures_file import write_figures
from nodulus.app.commands.root import EXIT_FAILED
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from nodulus.bundles.common.splits import Folds, Split

_FOLDER = click.Path(path_type=Path)
_FRACTION = click.FloatRange(0, 1, max_open=True)


@click.command("split")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=_FOLDER)
@click.option("--splits-file", type=click.Path(dir_okay=False, path_type=Path),
              help="Default: splits.json in the first folder, or one named after the folds."
              )  # fmt: skip
@click.option("--validation-fraction", default=0.2, show_default=True, type=_FRACTION,
              help="Of the patients.")  # fmt: skip
@click.option("--test-fraction", default=0.0, show_default=True, type=_FRACTION,
              help="Of the patients.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draw.")
@click.option("--validation-fold", "validation_folds", multiple=True, type=click.IntRange(0),
              help="A fold of the data (LUNA16's subset) that is validation, instead of a draw; "
              "may be given several times.")  # fmt: skip
@click.option("--test-fold", "test_folds", multiple=True, type=click.IntRange(0),
              help="A fold that is test; likewise.")  # fmt: skip
@click.option("--validation-dir", "validation_dirs", multiple=True, type=_FOLDER,
              help="A folder kept for validation: no split file is used; likewise.")  # fmt: skip
@click.option("--test-dir", "test_dirs", multiple=True, type=_FOLDER,
              help="A folder kept for test; likewise.")  # fmt: skip
@click.option("--shared-shapes", default="report", show_default=True,
              type=click.Choice(["refuse", "report", "ignore"]),
              help="Where two sides share what phantoms are made of.")  # fmt: skip
@click.option("--reserved-patients", default="refuse", show_default=True,
              type=click.Choice(["refuse", "report"]),
              help="Where training would learn from reserved patients.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Write no split file where there is none.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Also write the counts here.")  # fmt: skip
def split(
    folders: tuple[Path, ...],
    splits_file: Path | None,
    validation_fraction: float,
    test_fraction: float,
    seed: int,
    validation_folds: tuple[int, ...],
    test_folds: tuple[int, ...],
    validation_dirs: tuple[Path, ...],
    test_dirs: tuple[Path, ...],
    shared_shapes: str,
    reserved_patients: str,
    dry_run: bool,
    json_file: Path | None,
) -> None:
    """Draw the split of the data folders DIR as training would, or show the one that is there.

    The options are those of a training run, with its defaults. An existing file is never
    changed: it holds, whatever fractions and seed say. No patient is named.

    Exit status: 0 it is in order, 1 training would refuse it, 2 wrong usage.
    """
    from nodulus.app.data.prepare.split_report import report_lines, split_report
    from nodulus.bundles.common.reserved_patients import ReservedPatients
    from nodulus.bundles.common.splits import Folds, SharedShapes, default_file

    dirs = [str(folder) for folder in folders]
    try:
        folds = Folds(validation_folds, test_folds)
    except ValueError as error:
        raise click.UsageError(f"{error}") from error
    if folds and validation_dirs:
        raise click.UsageError("give --validation-dir or folds, not both")
    if validation_fraction + test_fraction >= 1:
        raise click.UsageError("the fractions leave nothing to train on")
    path = None if validation_dirs else splits_file or default_file(dirs, folds)
    was_there = path is not None and path.exists()
    with ExitStack() as stack:
        used = path
        if path is not None and dry_run and not was_there:
            used = Path(stack.enter_context(TemporaryDirectory())) / path.name
        found = _load(
            dirs, used, (validation_fraction, test_fraction), seed, folds,
            [str(folder) for folder in validation_dirs], [str(folder) for folder in test_dirs],
        )  # fmt: skip
    report = {
        "file": None if path is None else str(path),
        "state": "read" if was_there else "drawn" if dry_run else "written",
        **split_report(found, SharedShapes(shared_shapes), ReservedPatients(reserved_patients)),
    }
    if path is None:
        report["state"] = "of folders"
        click.echo("the sides are those of the folders; no split file is used")
    elif was_there:
        click.echo(f"{path}: was there and is unchanged")
    else:
        click.echo(f"{path}: {'would be written' if dry_run else 'written'}")
    for line in report_lines(report):
        click.echo(line)
    for leak in report["leaks"]:
        word = "error: training refuses this split" if leak["refused"] else "note"
        click.echo(f"{word}: {leak['what']}", err=True)
    write_figures(json_file, report, indent=1)
    if any(leak["refused"] for leak in report["leaks"]):
        sys.exit(EXIT_FAILED)


def _load(
    dirs: list[str],
    path: Path | None,
    fractions: tuple[float, float],
    seed: int,
    folds: Folds,
    validation_dirs: list[str],
    test_dirs: list[str],
) -> Split:
    """The split, by the function that training calls."""
    from nodulus.bundles.common.splits import load_split

    try:
        return load_split(
            dirs,
            validation_dirs,
            path,
            fractions[0],
            seed,
            test_dirs=test_dirs,
            test_fraction=fractions[1],
            validation_folds=folds.validation,
            test_folds=folds.test,
            check=False,
        )
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            f"there is no data folder: {error}.",
            remedy="Give a folder that `nodulus prepare` or `nodulus phantom` wrote, or LUNA16.",
        ) from error
    except OSError as error:
        named = Path(error.filename or dirs[0])
        is_own = path is not None and named.name.startswith(f".{path.name}.")
        if path is not None and (is_own or not path.parent.is_dir()):
            raise not_writable(path, error) from error
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"the data cannot be read: {error}.",
            remedy="Check the permissions of the folder and its tables.",
            subject=named,
        ) from error
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            f"there is no split of this data: {error}.",
            remedy="Mend what is named, or name another split file with --splits-file.",
        ) from error
