"""`nodulus evaluate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from app.evaluation.matched import MatchedScan


@click.group("evaluate_old")
def command() -> None:
    """Compare results with known nodules."""


@click.command("findings")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--nodules",
    required=True,
    type=click.Path(path_type=Path),
    help="nodules.csv of a phantom, or annotations.csv in LUNA16's form.",
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures here."
)
def findings(results: Path, nodules: Path, json_file: Path | None) -> None:
    """Sensitivity and false positives of RESULTS, which `nodulus detect` wrote.

    A finding hits a nodule if it is closer to its centre than its radius, LUNA16's rule.
    """
    from app.evaluation.table import evaluate

    figures = evaluate(_scans(results, nodules))
    width = max(len(row.group) for row in figures.rows)
    for row in figures.rows:
        share = "  none" if row.sensitivity is None else f"{row.sensitivity:6.3f}"
        click.echo(
            f"{row.group:<{width}}  {share}  {row.found}/{row.nodules} found, {row.seen} seen"
        )
    click.echo(f"scans {figures.scans}")
    click.echo(f"false positives a scan {figures.false_positives_per_scan:.2f}")
    click.echo(f"false candidates a scan {figures.false_candidates_per_scan:.2f}")
    auc = figures.malignancy_auc
    click.echo(f"malignancy AUC {'none' if auc is None else f'{auc:.3f}'}")
    if json_file is not None:
        _write(json_file, json.dumps(asdict(figures), indent=2) + "\n")


@click.command("operating-points")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--nodules",
    required=True,
    type=click.Path(path_type=Path),
    help="nodules.csv of the same validation studies.",
)
@click.option(
    "--sensitivity", default=0.97, show_default=True, help="Share of the nodules seen to keep."
)
@click.option(
    "--max-false-positives",
    default=1.0,
    show_default=True,
    help="A scan; fewer lower the threshold.",
)
@click.option(
    "--malignant-sensitivity",
    default=0.9,
    show_default=True,
    help="Share of the malignant ones to mark as suspicious.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="operating_points.json to write.",
)
def operating_points(
    results: Path,
    nodules: Path,
    sensitivity: float,
    max_false_positives: float,
    malignant_sensitivity: float,
    output: Path,
) -> None:
    """Choose the classifiers' thresholds on RESULTS of validation studies.

    The segmentation's thresholds stay as they were in that run. Run `nodulus detect` with a nodule
    threshold of 0 first, so that every candidate gets a malignancy.
    """
    from app.chain.settings import OperatingPoints
    from app.evaluation.operating_points import malignancy_threshold, nodule_threshold
    from app.results.model import OperatingPoint

    scans = _scans(results, nodules)
    before = {point.name: point for point in scans[0].result.operating_points}
    nodule, nodule_words = nodule_threshold(scans, sensitivity, max_false_positives)
    malignancy, malignancy_words = malignancy_threshold(scans, malignant_sensitivity)
    points = OperatingPoints(
        segmentation_voxel=before["segmentation_voxel"],
        segmentation_peak=before["segmentation_peak"],
        nodule=OperatingPoint(name="nodule", threshold=nodule, chosen_on=nodule_words),
        malignancy=OperatingPoint(
            name="malignancy", threshold=malignancy, chosen_on=malignancy_words
        ),
    )
    _write(output, json.dumps(points.model_dump(), indent=2) + "\n")
    for point in points.listed():
        click.echo(f"{point.name}: {point.threshold:g} ({point.chosen_on})")


def _scans(results: Path, nodules: Path) -> tuple[MatchedScan, ...]:
    from app.evaluation.matched import match_results, read_results
    from bundles.common.data.tables import read_annotations, read_nodules

    try:
        with nodules.open(encoding="utf-8") as stream:
            is_luna = stream.readline().startswith("seriesuid")
        truth = read_annotations(nodules) if is_luna else read_nodules(nodules)
    except (OSError, ValueError) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"the table of nodules cannot be read: {error}",
            remedy="Give a phantom's nodules.csv or an annotations.csv in LUNA16's form.",
            subject=nodules,
        ) from error
    return match_results(read_results(results), truth)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
