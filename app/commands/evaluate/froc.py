"""`nodulus evaluate froc`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.evaluate import options
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from nodulus.bundles.common.metrics.luna16_match import MarkMatch


@click.command("froc")
@click.option(
    "--annotations",
    required=True,
    type=click.Path(path_type=Path),
    help="The nodules, as LUNA16's annotations.csv.",
)
@click.option(
    "--excluded",
    type=click.Path(path_type=Path),
    help="Findings on which a mark does not matter, as annotations_excluded.csv.",
)
@click.option(
    "--series",
    required=True,
    type=click.Path(path_type=Path),
    help="The scans that were analysed, as seriesuids.csv.",
)
@click.option(
    "--marks",
    required=True,
    type=click.Path(path_type=Path),
    help="A LUNA16 submission, or what `nodulus detect --marks` wrote.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for results."
)
@options.bootstrap
@options.confidence
@options.seed
def froc(
    annotations: Path,
    excluded: Path | None,
    series: Path,
    marks: Path,
    output: Path,
    bootstrap: int,
    confidence: float,
    seed: int,
) -> None:
    """FROC curve and CPM of a file of marks, by the rules of the LUNA16 challenge.

    Writes froc.json, froc.csv, froc_bootstrap.csv and froc.png.
    """
    from nodulus.app.evaluation.froc_report import analyse_froc, summary, write_analysis

    match, counts = _match(annotations, excluded, series, marks)
    try:
        analysis = analyse_froc(match, bootstrap, confidence, seed)
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"no curve can be drawn: {error}.",
            remedy="Give annotations of the listed series.",
            subject=annotations,
        ) from error
    found = {**summary(analysis), **counts}
    try:
        write_analysis(output, found, analysis)
        _draw(output / "froc.png", analysis, marks.stem)
    except OSError as error:
        raise not_writable(output, error) from error
    _print(found)


def _match(
    annotations: Path, excluded: Path | None, series: Path, marks: Path
) -> tuple[MarkMatch, dict[str, int]]:
    """The match, and how many rows were of series that are not listed."""
    from nodulus.app.evaluation.luna16_files import DIAMETER, PROBABILITY, read_places, read_series
    from nodulus.bundles.common.metrics.luna16_match import NO_PLACES, match_marks

    listed = read_series(series)
    nodules = read_places(annotations, listed, DIAMETER)
    seen = read_places(marks, listed, PROBABILITY)
    skipped = NO_PLACES if excluded is None else read_places(excluded, listed, DIAMETER).places
    return match_marks(len(listed), seen.places, nodules.places, skipped), {
        "excluded_findings": len(skipped.scan),
        "nodules_of_other_series": nodules.elsewhere,
        "marks_of_other_series": seen.elsewhere,
    }


def _draw(path: Path, analysis: Any, title: str) -> None:
    try:
        from nodulus.app.evaluation.froc_picture import draw_froc
    except ImportError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            f"the figures are written, but no picture: a package is missing: {error.name}.",
            remedy="Install it with: pip install 'nodulus[train]'.",
        ) from error
    draw_froc(path, analysis, title)


def _print(found: dict[str, Any]) -> None:
    bounds = found.get("bootstrap")
    between = f" ({bounds['cpm']['lower']:.4f} to {bounds['cpm']['upper']:.4f})" if bounds else ""
    click.echo(f"CPM {found['cpm']:.4f}{between}")
    for rate, value in found["sensitivity"].items():
        own = bounds["sensitivity"][rate] if bounds else None
        between = f" ({own['lower']:.4f} to {own['upper']:.4f})" if own else ""
        click.echo(f"  at {rate:>5} false positives a scan  {value:.4f}{between}")
    for name in (
        "scans",
        "nodules",
        "marks",
        "true_positives",
        "false_positives",
        "false_negatives",
        "ignored_marks",
        "duplicate_marks",
        "surplus_marks",
        "marks_of_other_series",
        "nodules_of_other_series",
    ):
        click.echo(f"{name.replace('_', ' ')} {found[name]}")
