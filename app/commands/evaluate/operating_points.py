"""`nodulus evaluate operating-points`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.evaluate import options
from nodulus.app.commands.evaluate.points_file import write_pipeline, write_points
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nodulus.app.chain.settings import PipelineSettings
    from nodulus.app.evaluation.match_results import MatchedScan
    from nodulus.app.evaluation.recalibrations import Method


@click.command("operating-points")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--nodules",
    required=True,
    type=click.Path(path_type=Path),
    help="nodules.csv of the same validation studies.",
)
@options.excluded_places
@click.option(
    "--sensitivity",
    default=0.97,
    show_default=True,
    type=options.SHARE,
    help="Share of the nodules seen to keep.",
)
@click.option(
    "--max-false-positives",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="A scan; fewer lower the threshold.",
)
@click.option(
    "--malignant-sensitivity",
    default=0.9,
    show_default=True,
    type=options.SHARE,
    help="Share of the malignant ones to mark as suspicious.",
)
@click.option(
    "--recalibrate",
    "method",
    type=click.Choice(["none", "temperature", "platt"]),
    default="none",
    show_default=True,
    help="Also calibrate both probabilities: fit a temperature, or a temperature and an offset.",
)
@click.option(
    "--keep-nodule-point",
    "keep_nodule",
    is_flag=True,
    help="Choose the malignancy's alone; the nodule classifier's stays that of the run.",
)
@click.option(
    "--choose-segmentation-share",
    "choose_share",
    is_flag=True,
    help="First choose segmentation_share by CPM; pipeline.json is written beside the points.",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="Folder of the run's settings: its pipeline.json is what the new one is made from, and"
    " its named points stay with --keep-nodule-point; default: the shipped ones.",
)
@options.points_file
def operating_points(
    results: Path,
    nodules: Path,
    excluded: Path | None,
    sensitivity: float,
    max_false_positives: float,
    malignant_sensitivity: float,
    method: Method,
    keep_nodule: bool,
    choose_share: bool,
    settings: Path | None,
    output: Path,
) -> None:
    """Choose the classifiers' thresholds on RESULTS of validation studies.

    The segmentation's operating points stay those of that run: choose them first, with `nodulus
    evaluate segmentation-points`, and run `nodulus detect` with the settings that it writes. They
    let every candidate pass, so that each gets a malignancy.
    """
    from nodulus.app.chain.settings import load_settings
    from nodulus.app.evaluation.operating_points import choose_operating_points
    from nodulus.app.evaluation.truth import read_matched_scans

    if keep_nodule and choose_share:
        raise click.UsageError("Another share needs another nodule point: leave one of them out.")
    scans = read_matched_scans(results, nodules, excluded)
    pipeline = None
    try:
        if choose_share:
            scans, pipeline = _with_best_share(scans, settings)
        points = choose_operating_points(
            scans,
            sensitivity,
            max_false_positives,
            malignant_sensitivity,
            method,
            keep_nodule=keep_nodule,
            nodule_choices=load_settings(settings).operating_points.nodule_choices,
        )
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"the operating points cannot be chosen: {error}.",
            remedy="Give results of validation studies with nodules of both kinds, all of one run.",
            subject=results,
        ) from error
    write_points(output, points)
    if pipeline is not None:
        write_pipeline(output.with_name("pipeline.json"), pipeline)


def _with_best_share(
    scans: Sequence[MatchedScan], settings: Path | None
) -> tuple[tuple[MatchedScan, ...], PipelineSettings]:
    from nodulus.app.chain.settings import load_settings
    from nodulus.app.evaluation.share_by_cpm import choose_segmentation_share

    chosen = choose_segmentation_share(scans)
    shown = ", ".join(f"{share:g}: {cpm:.3f}" for share, cpm in chosen.cpm.items())
    click.echo(f"segmentation_share: {chosen.share:g} (CPM by share {shown})")
    pipeline = load_settings(settings).pipeline
    return chosen.scans, pipeline.model_copy(update={"segmentation_share": chosen.share})
