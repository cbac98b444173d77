"""Thresholds from validation scans, sensitivity first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from nodulus.app.chain.settings import NamedThreshold, OperatingPoints
from nodulus.app.evaluation.detection_performance import malignancy_scores
from nodulus.app.evaluation.match_results import MatchedScan, false_scores, nodule_scores
from nodulus.app.evaluation.recalibrations import (
    Method,
    malignancy_recalibration,
    nodule_recalibration,
    recalibrate,
)
from nodulus.app.result import OperatingPoint, PointName


def threshold_at_sensitivity(positive_scores: ArrayLike, sensitivity: float) -> float:
    """The highest threshold at which at least that share of the positives passes (score >= it).

    Args:
        positive_scores: of the positives, at least one.
        sensitivity: wanted share, above 0 and at most 1.

    Raises:
        ValueError: no positives.
    """
    scores = np.sort(np.asarray(positive_scores, dtype=np.float64))[::-1]
    if scores.size == 0:
        raise ValueError("no positives to choose a threshold on")
    needed = int(np.ceil(sensitivity * scores.size - 1e-9))
    # Rounded down, so that the positive which sets it passes.
    return float(np.floor(scores[needed - 1] * 1e4) / 1e4)


def nodule_threshold(
    scans: Sequence[MatchedScan], sensitivity: float, max_false_positives: float
) -> tuple[float, str]:
    """Threshold of the nodule classifier, and how it was chosen, in words.

    The threshold keeps the wanted share of the nodules that the segmentation saw at all. Where
    it lets through fewer false alarms than allowed, it is lowered until they are reached: a missed
    cancer costs more than a false alarm.

    Args:
        scans: validation scans.
        sensitivity: share of the seen nodules to keep.
        max_false_positives: false alarms a scan that are allowed.
    """
    scores = nodule_scores(scans)
    seen = scores[scores > 0]
    wanted = threshold_at_sensitivity(seen, sensitivity)
    false = np.sort(false_scores(scans))[::-1]
    allowed = int(max_false_positives * len(scans))
    lowest = float(np.ceil(false[allowed] * 1e4 + 1) / 1e4) if false.size > allowed else 0.0
    threshold = min(wanted, max(lowest, 0.01))
    kept = float(np.mean(scores >= threshold))
    rate = float((false >= threshold).sum() / len(scans))
    return threshold, (
        f"{len(scans)} validation scans, {scores.size} nodules: sensitivity {kept:.3f}"
        f" at {rate:.2f} false positives a scan"
    )


def malignancy_threshold(scans: Sequence[MatchedScan], sensitivity: float) -> tuple[float, str]:
    """Threshold of the malignancy classifier for a sensitivity, and how it was chosen.

    Raises:
        ValueError: no malignant nodule was found in the scans.
    """
    malignant, benign = malignancy_scores(scans)
    threshold = threshold_at_sensitivity(malignant, sensitivity)
    kept = float(np.mean(np.asarray(malignant) >= threshold))
    spared = float(np.mean(np.asarray(benign) < threshold)) if benign else float("nan")
    return threshold, (
        f"{len(scans)} validation scans, {len(malignant)} malignant and {len(benign)} benign"
        f" findings: sensitivity {kept:.3f}, specificity {spared:.3f}"
    )


def choose_operating_points(
    scans: Sequence[MatchedScan],
    sensitivity: float,
    max_false_positives: float,
    malignant_sensitivity: float,
    recalibration: Method = "none",
    *,
    keep_nodule: bool = False,
    nodule_choices: Mapping[PointName, NamedThreshold] | None = None,
) -> OperatingPoints:
    """Choose those of the classifiers; the segmentation's are the run's.

    Args:
        scans: validation scans, all of one run, at least one.
        sensitivity: see :func:`nodule_threshold`.
        max_false_positives: see :func:`nodule_threshold`.
        malignant_sensitivity: share of the malignant findings to call suspicious.
        recalibration: of both probabilities, fitted first; else the run's stays.
        keep_nodule: the nodule classifier's point and recalibration stay the run's too, for a run
            with another malignancy classifier alone.
        nodule_choices: the run's, which stay where the nodule's point does.

    Raises:
        ValueError: the scans were not all made at the same operating points, or there is nothing
            to choose on.
    """
    before = _of_run(scans)
    of_nodule = nodule_recalibration(scans, "none" if keep_nodule else recalibration)
    of_malignancy = malignancy_recalibration(scans, recalibration)
    scans = recalibrate(scans, of_nodule, of_malignancy)
    if keep_nodule:
        nodule_point = before["nodule"]
    else:
        nodule, nodule_words = nodule_threshold(scans, sensitivity, max_false_positives)
        nodule_point = OperatingPoint(
            name="nodule",
            threshold=nodule,
            chosen_on=nodule_words + of_nodule.words,
            # The run's probabilities have its own recalibration already.
            **of_nodule.after(before["nodule"]),
        )
    malignancy, malignancy_words = malignancy_threshold(scans, malignant_sensitivity)
    return OperatingPoints(
        segmentation_voxel=before["segmentation_voxel"],
        segmentation_peak=before["segmentation_peak"],
        nodule=nodule_point,
        malignancy=OperatingPoint(
            name="malignancy",
            threshold=malignancy,
            chosen_on=malignancy_words + of_malignancy.words,
            **of_malignancy.after(before["malignancy"]),
        ),
        nodule_choices=(nodule_choices or {}) if keep_nodule else {},
    )


def _of_run(scans: Sequence[MatchedScan]) -> dict[str, OperatingPoint]:
    """The operating points that all results name."""
    points = {scan.result.operating_points for scan in scans}
    if len(points) != 1:
        raise ValueError(f"the results were made at {len(points)} different operating points")
    found = {point.name: point for point in points.pop()}
    missing = set(OperatingPoints.model_fields) - {"nodule_choices"} - set(found)
    if missing:
        raise ValueError(f"the results name no operating point for {', '.join(sorted(missing))}")
    return found
