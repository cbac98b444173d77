"""How much of the nodule probability is the segmentation's: chosen on validation scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodulus.app.chain.nodule_probability import combine
from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.evaluation.froc_of_results import match_candidates
from nodulus.app.evaluation.match_results import MatchedScan, with_probabilities
from nodulus.app.evaluation.metrics.froc import FrocCounts

SHARES = tuple(round(0.05 * n, 2) for n in range(21))


@dataclass(frozen=True)
class SegmentationShare:
    """The choice.

    Args:
        share: weight of the segmentation's peak, 0 to 1.
        cpm: of the candidates with each of :data:`SHARES`.
        scans: with the probabilities that the share gives.
    """

    share: float
    cpm: dict[float, float]
    scans: tuple[MatchedScan, ...]


def choose_segmentation_share(scans: Sequence[MatchedScan]) -> SegmentationShare:
    """The share with the highest CPM; of equal ones that nearest to a half.

    Args:
        scans: validation scans whose candidates hold both networks' probabilities.

    Raises:
        ValueError: a candidate was pooled without them, or no nodule is known.
    """
    moved = {share: tuple(pooled_anew(scan, share) for scan in scans) for share in SHARES}
    cpm = {share: _cpm(own) for share, own in moved.items()}
    best = max(SHARES, key=lambda share: (round(cpm[share], 9), -abs(share - 0.5)))
    return SegmentationShare(best, cpm, moved[best])


def pooled_anew(scan: MatchedScan, share: float) -> MatchedScan:
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


def _cpm(scans: Sequence[MatchedScan]) -> float:
    curve = FrocCounts(match_candidates(scans)).curve()
    assert curve is not None
    return float(curve.cpm)
