"""The figures of an evaluation on whole scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nodulus.app.evaluation.froc_of_results import match_candidates
from nodulus.app.evaluation.metrics.estimate import proportion
from nodulus.app.evaluation.metrics.froc import CPM_RATES, froc_curve
from nodulus.app.evaluation.scans.lesion_rows import MASS_MM, LesionRow, ScanOfKnown, lesion_rows

UP_TO_MM = 40.0

SIZES: dict[str, tuple[float, float]] = {
    "below 6 mm": (0, 6),
    "6 to 10 mm": (6, 10),
    "10 to 20 mm": (10, 20),
    "20 to 30 mm": (20, 30),
    "30 to 40 mm": (30, 40),
    "40 mm and above": (40, np.inf),
    "all": (0, np.inf),
    "up to 40 mm": (0, UP_TO_MM),
    "10 mm and above": (10, np.inf),
}
"""From (included) to (not included), of the diameter."""


def scan_report(scans: Sequence[ScanOfKnown], confidence: float = 0.95) -> dict[str, Any]:
    """Measure; the result is plain data.

    Args:
        scans: at least one.
        confidence: of the intervals.
    """
    lesions = lesion_rows(scans)
    complete = [s for s in scans if s.facts.is_complete]
    partly = [s for s in scans if not s.facts.is_complete]
    return {
        "scans": len(scans),
        "sizes": [_size_row(name, lesions, ends, confidence) for name, ends in SIZES.items()],
        "masses": [_mass(row) for row in lesions if row.diameter_mm >= MASS_MM],
        "complete": _marks(complete),
        "partly_marked": _marks(partly),
        "outlines": _outlines(lesions),
        "operating_points": [p.model_dump() for p in scans[0].match.result.operating_points],
    }


def scan_rows(scans: Sequence[ScanOfKnown]) -> list[dict[str, Any]]:
    """One row a scan: its lesions, what was found, the other marks."""
    rows = []
    for scan in scans:
        own = lesion_rows([scan])
        rows.append(
            {
                "seriesuid": scan.facts.series_uid,
                "patient": scan.facts.patient,
                "marked": "complete" if scan.facts.is_complete else "partly",
                "use": scan.facts.use,
                "learnt_from": " ".join(scan.learnt_from),
                "lesions": len(own),
                "found": sum(row.finding_id is not None for row in own),
                "other_marks": len(scan.match.findings.false_scores),
                "other_candidates": len(scan.match.candidates.false_scores),
            }
        )
    return rows


def _size_row(
    name: str, lesions: Sequence[LesionRow], ends: tuple[float, float], confidence: float
) -> dict[str, Any]:
    own = [row for row in lesions if ends[0] <= row.diameter_mm < ends[1]]
    found = sum(row.finding_id is not None for row in own)
    share = proportion(found, len(own), confidence)
    return {
        "group": name,
        "lesions": len(own),
        "found": found,
        "seen": sum(row.seen for row in own),
        "one_finding": sum(row.is_one_finding for row in own),
        "sensitivity": None if share is None else asdict(share),
    }


def _mass(row: LesionRow) -> dict[str, Any]:
    return {
        "seriesuid": row.series_uid,
        "diameter_mm": row.diameter_mm,
        "findings": row.findings,
        "rank": row.finding_id,
        "largest_diameter_mm": row.largest_diameter_mm,
        "one_finding": row.is_one_finding,
        "probability": row.probability,
    }


def _marks(scans: Sequence[ScanOfKnown]) -> dict[str, Any] | None:
    """Other marks and FROC of scans of one kind; None without any."""
    if not scans:
        return None
    marks = [len(s.match.findings.false_scores) for s in scans]
    return {
        "scans": len(scans),
        "lesions": sum(len(s.match.nodules) for s in scans),
        "other_marks_per_scan": float(np.mean(marks)),
        "most_other_marks": max(marks),
        "other_candidates_per_scan": float(
            np.mean([len(s.match.candidates.false_scores) for s in scans])
        ),
        "froc": _froc(scans),
    }


def _froc(scans: Sequence[ScanOfKnown]) -> dict[str, Any] | None:
    match = match_candidates([s.match for s in scans])
    if len(match.nodule_score) == 0:
        return None
    curve = froc_curve(match)
    found = np.asarray(curve.sensitivity_at(CPM_RATES)) * len(match.nodule_score)
    return {
        "lesions": len(match.nodule_score),
        "found": {f"{rate:g}": float(n) for rate, n in zip(CPM_RATES, found, strict=True)},
        "cpm": curve.cpm,
    }


def _outlines(lesions: Sequence[LesionRow]) -> dict[str, Any] | None:
    """Over lesions with a mask that a finding covers some of."""
    drawn = [row for row in lesions if row.dice is not None and row.dice > 0]
    if not drawn:
        return None
    errors = np.array([row.relative_volume_error for row in drawn], dtype=np.float64)
    dice = np.array([row.dice for row in drawn], dtype=np.float64)
    return {
        "lesions": len(drawn),
        "mean_dice": float(dice.mean()),
        "median_dice": float(np.median(dice)),
        "median_relative_volume_error": float(np.median(errors)),
        "median_absolute_relative_volume_error": float(np.median(np.abs(errors))),
    }
