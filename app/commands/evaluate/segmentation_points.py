"""`nodulus evaluate segmentation-points`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.evaluate import options
from nodulus.app.commands.evaluate.points_file import write_points
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from nodulus.app.evaluation.segmentation_points import SegmentationPoints
    from nodulus.app.evaluation.segmentation_samples import OutlinedNodule


@click.command("segmentation-points")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Validation studies, from `nodulus detect --keep-intermediates`; with --masks.",
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    help="Their label maps, <series UID>.nii.gz, such as a phantom's folder masks.",
)
@click.option(
    "--crops",
    type=click.Path(path_type=Path),
    help="Instead: outlined nodules as .npz with 'hu' and 'mask', shape (n, I, R, C).",
)
@click.option(
    "-m",
    "--models",
    type=click.Path(path_type=Path),
    help="With --crops: folder with the three bundles; default: the shipped ones.",
)
@click.option("--device", default="auto", show_default=True, help="With --crops.")
@click.option(
    "--sensitivity",
    default=0.95,
    show_default=True,
    type=options.SHARE,
    help="Share of the nodules that the voxel threshold must leave seen.",
)
@click.option(
    "--dice-loss",
    default=0.02,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Mean Dice to give up for a higher voxel threshold and fewer false candidates.",
)
@click.option(
    "--peak-sensitivity",
    type=options.SHARE,
    help="Share that the peak threshold must leave seen; default: it is the voxel threshold.",
)
@click.option(
    "--curve", type=click.Path(path_type=Path), help="Also write all thresholds here, as CSV."
)
@click.option(
    "--outlines",
    type=click.Path(path_type=Path),
    help="Also write Dice, distances and volume error of each nodule here, as CSV.",
)
@options.points_file
def segmentation_points(
    results: Path | None,
    masks: Path | None,
    crops: Path | None,
    models: Path | None,
    device: str,
    sensitivity: float,
    dice_loss: float,
    peak_sensitivity: float | None,
    curve: Path | None,
    outlines: Path | None,
    output: Path,
) -> None:
    """Choose the segmentation's thresholds on outlined nodules of validation data.

    The file lets every candidate pass both classifiers: run `nodulus detect` on the validation
    studies with it, then `nodulus evaluate operating-points`.
    """
    from nodulus.app.evaluation.segmentation_points import (
        choose_segmentation_points,
        every_candidate,
    )

    if (crops is None) == (results is None) or (results is None) != (masks is None):
        raise click.UsageError("Give --results with --masks, or --crops.")
    if crops is not None:
        nodules, source = _of_crops(crops, models, device), f"in {crops.name}"
    else:
        nodules, source = _of_results(results, masks), "of the validation scans"
    try:
        points = choose_segmentation_points(
            nodules, source, sensitivity, peak_sensitivity, dice_loss
        )
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"no threshold can be chosen: {error}.",
            remedy="Give validation data with outlined nodules.",
            subject=crops or masks,
        ) from error
    _write_tables(points, curve, outlines)
    write_points(output, every_candidate(points))


def _of_crops(path: Path, models: Path | None, device: str) -> Iterable[OutlinedNodule]:
    from nodulus.app.chain import load_models
    from nodulus.app.evaluation.segmentation_samples import outlined_in_crops

    loaded = load_models(models, device)
    return _shown(outlined_in_crops(path, loaded.segmentation, loaded.device))


def _of_results(results: Path | None, masks: Path | None) -> Iterable[OutlinedNodule]:
    from nodulus.app.evaluation.segmentation_samples import outlined_in_results

    assert results is not None
    assert masks is not None
    return _shown(outlined_in_results(results, masks))


def _shown(nodules: Iterable[OutlinedNodule]) -> Iterable[OutlinedNodule]:
    """Count them on the terminal while they come."""
    from rich.console import Console
    from rich.progress import track

    return track(nodules, "outlined nodules", console=Console(stderr=True))


def _write_tables(points: SegmentationPoints, curve: Path | None, outlines: Path | None) -> None:
    from dataclasses import asdict

    from nodulus.bundles.common.atomic_files import write_table

    try:
        if curve is not None:
            rows = [asdict(row) for row in points.curve]
            write_table(curve, rows[0], rows)
        if outlines is not None:
            rows = [{"nodule": name, **asdict(own)} for name, own in points.nodules]
            write_table(outlines, rows[0], rows)
    except OSError as error:
        raise not_writable(curve or outlines, error) from error
