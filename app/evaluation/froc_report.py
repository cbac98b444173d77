"""FROC analysis by LUNA16's rules as plain data, and as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.app.evaluation.metrics.froc import CPM_RATES, FrocCurve, froc_curve
from nodulus.app.evaluation.metrics.froc_bootstrap import FrocBand, Interval, bootstrap_froc
from nodulus.bundles.common.atomic_files import write_table, write_text
from nodulus.bundles.common.metrics.luna16_match import MAX_MARKS, MarkMatch

RULES = (
    "A mark hits a nodule if its squared distance from the centre is below the squared radius.",
    "Of several marks on a nodule the most probable one counts; the others are ignored.",
    "A mark on an excluded finding and on no nodule is ignored; a negative diameter is 10 mm.",
    f"At most {MAX_MARKS} marks a scan: those more probable than the first one too many.",
    "Every listed series counts as a scan; rows of other series are left out.",
    "A missed nodule lowers the sensitivity at every threshold.",
    "Sensitivities are interpolated linearly in false positives a scan; the CPM is their mean.",
    "The interval is that of curves of scans drawn with replacement.",
)


@dataclass(frozen=True, eq=False)
class FrocAnalysis:
    """The curve with its interval.

    Args:
        match: marks against nodules.
        curve: of all scans.
        band: from the bootstrap; None where none was wanted.
        confidence: share of the samples within the band.
        seed: of the bootstrap.
    """

    match: MarkMatch
    curve: FrocCurve
    band: FrocBand | None
    confidence: float
    seed: int


def analyse_froc(
    match: MarkMatch, samples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> FrocAnalysis:
    """Compute the curve and its interval.

    Args:
        match: marks against nodules.
        samples: of the bootstrap; 0 for none.
        confidence: share of the samples within the interval.
        seed: of the bootstrap.

    Raises:
        ValueError: no nodule.
    """
    band = bootstrap_froc(match, samples, confidence, seed) if samples else None
    return FrocAnalysis(match, froc_curve(match), band, confidence, seed)


def summary(analysis: FrocAnalysis) -> dict[str, Any]:
    """What ``froc.json`` holds."""
    match, curve, band = analysis.match, analysis.curve, analysis.band
    names = [f"{rate:g}" for rate in CPM_RATES]
    values = (float(v) for v in curve.sensitivity_at(CPM_RATES))
    found: dict[str, Any] = {
        "cpm": curve.cpm,
        "sensitivity": dict(zip(names, values, strict=True)),
        "true_positives": match.true_positives,
        "false_positives": match.false_positives,
        "false_negatives": match.false_negatives,
        "ignored_marks": match.ignored_marks,
        "duplicate_marks": match.duplicate_marks,
        "surplus_marks": match.surplus_marks,
        "scans": match.scans,
        "nodules": len(match.nodule_score),
        "marks": match.counted_marks,
        "marks_per_scan": match.counted_marks / match.scans,
        "highest_sensitivity": match.true_positives / len(match.nodule_score),
    }
    if band is not None:
        found["bootstrap"] = {
            "samples": band.samples,
            "confidence": analysis.confidence,
            "seed": analysis.seed,
            "cpm": _bounds(band.cpm),
            "sensitivity": {
                name: _bounds(bound) for name, bound in zip(names, band.rates, strict=True)
            },
        }
    found["rules"] = list(RULES)
    return found


def write_analysis(folder: Path, found: dict[str, Any], analysis: FrocAnalysis) -> None:
    """Write ``froc.json``, ``froc.csv`` and, with an interval, ``froc_bootstrap.csv``.

    Args:
        folder: made where it is missing.
        found: :func:`summary`, with what the caller added.
        analysis: the curve.
    """
    write_table(
        folder / "froc.csv",
        ("threshold", "false_positives_per_scan", "sensitivity", "mean", "lower", "upper"),
        _curve_rows(analysis),
    )
    if analysis.band is not None:
        write_table(
            folder / "froc_bootstrap.csv",
            ("false_positives_per_scan", "mean", "lower", "upper"),
            _band_rows(analysis.band),
        )
    write_text(folder / "froc.json", json.dumps(found, indent=2) + "\n")


def _bounds(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "lower": interval.lower, "upper": interval.upper}


def _curve_rows(analysis: FrocAnalysis) -> Iterator[dict[str, str]]:
    """The curve's points; the interval only where the challenge gives it, 1/8 to 8."""
    curve, band = analysis.curve, analysis.band
    alarms = curve.false_positives_per_scan
    along: dict[str, Any] = {}
    if band is not None:
        grid = band.false_positives_per_scan
        along = {
            name: np.interp(alarms, grid, getattr(band, name), left=np.nan, right=np.nan)
            for name in ("mean", "lower", "upper")
        }
    for n, threshold in enumerate(curve.threshold):
        row = {
            "threshold": f"{threshold:.9f}",
            "false_positives_per_scan": f"{alarms[n]:.9f}",
            "sensitivity": f"{curve.sensitivity[n]:.9f}",
        }
        row |= {name: f"{v[n]:.9f}" for name, v in along.items() if np.isfinite(v[n])}
        yield row


def _band_rows(band: FrocBand) -> Iterator[dict[str, str]]:
    names = ("false_positives_per_scan", "mean", "lower", "upper")
    for row in zip(*(getattr(band, name) for name in names), strict=True):
        yield {name: f"{value:.9f}" for name, value in zip(names, row, strict=True)}
