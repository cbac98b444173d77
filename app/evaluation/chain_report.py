"""Everything that is measured of a run against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nodulus.app.evaluation.chain_table import chain_tables, nodule_outcomes
from nodulus.app.evaluation.detection_performance import Evaluation, evaluate, malignancy_scores
from nodulus.app.evaluation.froc_of_results import found_at_rate, match_candidates
from nodulus.app.evaluation.froc_report import analyse_froc, summary
from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.evaluation.metrics.calibration import Calibration, calibration
from nodulus.app.evaluation.metrics.delong import auc_interval
from nodulus.app.evaluation.metrics.estimate import Estimate, proportion
from nodulus.app.evaluation.nodule_groups import is_malignant
from nodulus.bundles.common.data.tables import Nodule

ACTIONABLE_MM = 6.0
"""Smaller nodules need no follow-up by Fleischner's guideline (MacMahon et al., Radiology 2017)."""


def _is_actionable(nodule: Nodule) -> bool:
    return is_malignant(nodule) and nodule.diameter_mm >= ACTIONABLE_MM


def chain_report(
    scans: Sequence[MatchedScan],
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure; the result is plain data.

    Args:
        scans: at least one.
        samples: of the FROC curve's bootstrap; 0 for none.
        confidence: of all intervals.
        seed: of the bootstrap.
    """
    counted = evaluate(scans)
    return {
        **_counts(counted, confidence),
        "confidence": confidence,
        "chain": [asdict(table) for table in chain_tables(scans)],
        "froc": _froc(scans, samples, confidence, seed),
        "malignancy": _malignancy(scans, confidence),
        "nodule_calibration": _nodule_calibration(scans),
        "malignant_6_mm_and_more": _actionable(scans, confidence),
        "operating_points": [p.model_dump() for p in scans[0].result.operating_points],
    }


def _counts(counted: Evaluation, confidence: float) -> dict[str, Any]:
    found = asdict(counted)
    for row, own in zip(found["rows"], counted.rows, strict=True):
        row["sensitivity"] = _plain(proportion(own.found, own.nodules, confidence))
    return found


def _froc(
    scans: Sequence[MatchedScan], samples: int, confidence: float, seed: int
) -> dict[str, Any] | None:
    match = match_candidates(scans)
    if len(match.nodule_score) == 0:
        return None
    # One scan drawn from one scan is always the same.
    return summary(analyse_froc(match, samples if len(scans) > 1 else 0, confidence, seed))


def _malignancy(scans: Sequence[MatchedScan], confidence: float) -> dict[str, Any]:
    malignant, benign = malignancy_scores(scans)
    scores = [*malignant, *benign]
    positive = np.arange(len(scores)) < len(malignant)
    both = bool(malignant) and bool(benign)
    auc = _plain(auc_interval(scores, positive, confidence)) if both else None
    if auc is not None and auc["lower"] == auc["upper"]:
        # DeLong's method sees no spread in classes that do not overlap; that is no certainty.
        auc = {"value": auc["value"]}
    return {
        "malignant": len(malignant),
        "benign": len(benign),
        "auc": auc,
        "calibration": _plain(calibration(scores, positive)) if scores else None,
    }


def candidate_scores(scans: Sequence[MatchedScan]) -> tuple[list[float], list[bool]]:
    """Nodule probability of each classified candidate, and whether it is on a nodule.

    Those on an excluded finding are left out.
    """
    scores, truth = [], []
    for scan in scans:
        parts = zip(scan.result.candidates, scan.candidates.hit, scan.on_excluded, strict=True)
        for candidate, hit, left_out in parts:
            if candidate.nodule_probability is not None and not left_out:
                scores.append(candidate.nodule_probability)
                truth.append(bool(hit >= 0))
    return scores, truth


def _nodule_calibration(scans: Sequence[MatchedScan]) -> dict[str, Any] | None:
    scores, truth = candidate_scores(scans)
    return _plain(calibration(scores, truth)) if scores else None


def _actionable(scans: Sequence[MatchedScan], confidence: float) -> dict[str, Any]:
    columns = [
        column
        for scan in scans
        for nodule, column in zip(scan.nodules, nodule_outcomes(scan), strict=True)
        if _is_actionable(nodule)
    ]
    found = sum(column.startswith("predicted") for column in columns)
    called = columns.count("predicted_malignant")
    at_one, total, threshold = found_at_rate(match_candidates(scans), scans, _is_actionable, 1.0)
    return {
        "nodules": len(columns),
        "found_at_operating_point": _plain(proportion(found, len(columns), confidence)),
        "called_malignant_at_operating_point": _plain(proportion(called, len(columns), confidence)),
        "found_at_1_false_positive_a_scan": _plain(proportion(at_one, total, confidence)),
        "threshold_at_1_false_positive_a_scan": threshold if np.isfinite(threshold) else None,
    }


def _plain(value: Estimate | Calibration | None) -> dict[str, Any] | None:
    return None if value is None else asdict(value)
