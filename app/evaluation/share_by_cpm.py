"""The segmentation's share of the nodule probability by the CPM of validation scans.

All scans count alike, with every nodule known; the share is not tried on patients that were left
out. :mod:`.share_by_lesions` chooses it on real scans, of which not all are completely marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodulus.app.evaluation.froc_of_results import match_candidates
from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.evaluation.metrics.froc import FrocCounts
from nodulus.app.evaluation.repooling import SHARES, repooled


@dataclass(frozen=True)
class SegmentationShare:
    """The choice.

    Args:
        share: weight of the segmentation's peak, 0 to 1.
        cpm: of the candidates with each of :data:`~nodulus.app.evaluation.repooling.SHARES`.
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
    moved = {share: tuple(repooled(scan, share) for scan in scans) for share in SHARES}
    cpm = {share: _cpm(own) for share, own in moved.items()}
    best = max(SHARES, key=lambda share: (round(cpm[share], 9), -abs(share - 0.5)))
    return SegmentationShare(best, cpm, moved[best])


def _cpm(scans: Sequence[MatchedScan]) -> float:
    curve = FrocCounts(match_candidates(scans)).curve()
    assert curve is not None
    return float(curve.cpm)
