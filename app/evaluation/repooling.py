"""Scans as the chain would have pooled both networks' probabilities with another share."""

from __future__ import annotations

from nodulus.app.chain.nodule_probability import combine
from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.evaluation.match_results import MatchedScan, with_probabilities

SHARES = tuple(round(0.05 * n, 2) for n in range(21))
"""Weights of the segmentation that are tried."""


def repooled(scan: MatchedScan, share: float) -> MatchedScan:
    """The scan as the chain would have pooled it with another share.

    Raises:
        ValueError: a candidate has a nodule probability, but not the classifier's.
    """
    point = next((p for p in scan.result.operating_points if p.name == "nodule"), None)
    if point is None:
        raise ValueError("the results name no operating point for nodule")
    probabilities: list[float | None] = []
    for candidate in scan.result.candidates:
        if candidate.nodule_probability is None:
            probabilities.append(None)
            continue
        if candidate.classifier_probability is None:
            raise ValueError("the results do not hold the nodule classifier's own probabilities")
        pooled = combine(
            [candidate.segmentation_probability], [candidate.classifier_probability], share
        )
        probabilities.append(float(recalibrated(pooled, point.temperature, point.offset)[0]))
    return with_probabilities(scan, probabilities)
