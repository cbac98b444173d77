"""`nodulus prepare`: from annotated CT to a cache that the bundles train on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.prepare_nnunet import to_nnunet
from nodulus.app.commands.prepare_split import split
from nodulus.app.commands.root import EXIT_FAILED

if TYPE_CHECKING:
    from nodulus.app.data.prepare.prepare_collection import Found

_FILE_OR_FOLDER = click.Path(path_type=Path)
_AGREEMENT = click.FloatRange(0, 1, min_open=True)


@click.group("prepare")
def command() -> None:
    """Turn annotated CT into a cache that the bundles train on.

    Each scan is read once, brought to 1 mm, cropped to the lungs and written as one file. A run
    that was stopped, or whose input has changed, goes on with what is new.

    Exit status: 0 all is well, 1 something was wrong and left out (it is listed), 2 wrong usage.
    """


command.add_command(split)
command.add_command(to_nnunet)


def _shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every kind of data."""
    for option in (
        click.option("--debug", is_flag=True, help="Show details of unexpected errors."),
        click.option("--strict", is_flag=True, help="Refuse input that anything is wrong with."),
        click.option("--verify", is_flag=True,
                     help="Also compare the checksums of scans that were prepared earlier."),
        click.option("--workers", type=click.IntRange(1),
                     help="Processes, of 1.6 GB for 300 slices; default: one a core."),
        click.option("--spacing-mm", default=1.0, show_default=True,
                     type=click.FloatRange(0.1, 5.0), help="Of the prepared scans."),
        click.option("-o", "--output", required=True, type=click.Path(file_okay=False,
                     path_type=Path), help="Folder of the cache."),
        click.argument("source", metavar="DIR", type=_FILE_OR_FOLDER),
    ):  # fmt: skip
        function = option(function)
    return function


@command.command("luna16")
@_shared
@click.option("--partial", is_flag=True, help="Only some of the ten subsets are meant to be there.")
@click.option("--agreement", default=0.5, show_default=True, type=_AGREEMENT,
              help="Share of a nodule's readers that must cover a voxel of it.")  # fmt: skip
def luna16(partial: bool, agreement: float, **shared: Any) -> None:
    """LUNA16 as downloaded: subset0 to subset9 and its tables in DIR.

    Ratings and outlines of the nodules come from LIDC-IDRI's readers.
    """
    from nodulus.app.data.prepare.luna16 import luna16_source

    _prepare(
        lambda path, progress: luna16_source(
            path, agreement=agreement, partial_set=partial, progress=progress
        ),
        **shared,
    )


@command.command("lidc")
@_shared
@click.option("--agreement", default=0.5, show_default=True, type=_AGREEMENT,
              help="Share of a nodule's readers that must cover a voxel of it.")  # fmt: skip
@click.option("--min-readers", default=1, show_default=True, type=click.IntRange(1, 4),
              help="Nodules that fewer outlined are neither nodule nor background.")  # fmt: skip
def lidc(agreement: float, min_readers: int, **shared: Any) -> None:
    """LIDC-IDRI as DICOM in DIR, in any layout of folders, with its readers' outlines and ratings.

    Series are known by their UIDs, slices by their positions.
    """
    from nodulus.app.data.prepare.lidc_scans import LidcRule, lidc_source

    rule = LidcRule(agreement, min_readers)
    _prepare(lambda path, progress: lidc_source(path, rule, progress), **shared)


@command.command("folder")
@_shared
@click.option("--nodules", type=_FILE_OR_FOLDER,
              help="CSV: seriesuid,coordX,coordY,coordZ,diameter_mm (LPS mm), malignancy if "
              "known; or a DICOM SR (TID 1500), .mrk.json of 3D Slicer, XML of LIDC-IDRI, or a "
              "folder of these."
              )  # fmt: skip
@click.option("--series", type=_FILE_OR_FOLDER,
              help="List of series, one a line: those without a nodule have none.")  # fmt: skip
@click.option("--masks", type=_FILE_OR_FOLDER,
              help="Folder (may be DIR) with DICOM SEG, RTSTRUCT or XML of LIDC-IDRI, or "
              "label images and .seg.nrrd of 3D Slicer named like the scans.")  # fmt: skip
@click.option("--candidates", type=_FILE_OR_FOLDER,
              help="CSV: seriesuid,coordX,coordY,coordZ,class (1 nodule, 0 none): places that "
              "somebody has looked at.")  # fmt: skip
@click.option("--patients", type=_FILE_OR_FOLDER,
              help="CSV: seriesuid,patient: whose scans these are, where the files do not say; and "
              "perhaps marked: complete, or partly where more nodules may be there.")  # fmt: skip
@click.option("--structure", "structures", multiple=True, metavar="PATTERN",
              help="Name of the segments or ROIs that are nodules, such as 'Nodule*'; default: "
              "what their code or name says.")  # fmt: skip
def folder(
    nodules: Path | None,
    series: Path | None,
    masks: Path | None,
    candidates: Path | None,
    patients: Path | None,
    structures: tuple[str, ...],
    **shared: Any,
) -> None:
    """CT of your own in DIR, in any format that `nodulus detect` reads.

    The table names a DICOM series by its SeriesInstanceUID and any other file by its name without
    the ending. Scans that neither the tables nor the masks name are left out.
    """
    if nodules is None and masks is None:
        raise click.UsageError("give --nodules, --masks or both")
    from nodulus.app.data.prepare.user_folder import FolderTruth, find_folder

    truth = FolderTruth(nodules, series, masks, structures, candidates, patients)
    _prepare(lambda path, progress: find_folder(path, truth, progress), **shared)


@command.command("nnunet")
@_shared
@click.option("--patients", type=_FILE_OR_FOLDER,
              help="CSV: seriesuid,patient, the case for seriesuid; perhaps marked.")  # fmt: skip
@click.option("--structure", "structures", multiple=True, metavar="PATTERN",
              help="Name of the labels that are nodules; default: what is called so, or the only "
              "one.")  # fmt: skip
def nnunet(patients: Path | None, structures: tuple[str, ...], **shared: Any) -> None:
    """A data folder of nnU-Net v2: dataset.json, imagesTr and labelsTr in DIR.

    Each connected piece of the labels is a nodule.
    """
    from nodulus.app.data.prepare.nnunet_scans import find_nnunet

    _prepare(lambda path, progress: find_nnunet(path, structures, patients), **shared)


@command.command("cubes")
@_shared
def cubes(**shared: Any) -> None:
    """Nodules cut out of their scans, in the NumPy archive DIR.

    The arrays are hu (n, z, y, x), the nodule in the middle, spacing_zyx and xyz (n, 3),
    diameter_mm, uid and patient (n,). LIDC-IDRI's nodules get their readers' ratings.
    """
    from nodulus.app.data.prepare.cubes import find_cubes

    _prepare(lambda path, progress: find_cubes(path), **shared)


@command.command("slices")
@_shared
def slices(**shared: Any) -> None:
    """Single slices of nodules with their readers' ratings, in the NumPy archive DIR.

    The arrays are hu and mask (n, y, x), pixel_spacing, z_mm, uid and patient (n,), and
    ratings_4x9 (n, readers, 9) in the order of LIDC-IDRI's characteristics.
    """
    from nodulus.app.data.prepare.rated_slices import find_slices

    _prepare(lambda path, progress: find_slices(path), **shared)


def _prepare(
    find: Callable[[Path, Callable[[int, int], None]], Found],
    source: Path,
    output: Path,
    spacing_mm: float,
    workers: int | None,
    strict: bool,
    verify: bool,
    debug: bool,
) -> None:
    """Find, prepare and report; ends the program with status 1 where anything was wrong."""
    from rich.console import Console

    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.data.prepare.prepare_collection import PrepareOptions, prepare_found
    from nodulus.app.data.prepare.summary_text import is_whole, problem_lines, summary_lines

    if debug:
        logging.basicConfig(level=logging.DEBUG)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    console = Console(highlight=False, soft_wrap=True)
    with StudyProgress(errors) as progress:
        progress.task("looking for scans")
        found = find(source, progress.files)
        options = PrepareOptions(spacing_mm, workers, strict, verify)
        summary = prepare_found(found, output, options, progress.step)
    for grave, line in problem_lines(summary):
        errors.print(line, style="red" if grave else "yellow", markup=False)
    for line in summary_lines(summary, output):
        console.print(line, markup=False)
    if not is_whole(summary):
        sys.exit(EXIT_FAILED)
