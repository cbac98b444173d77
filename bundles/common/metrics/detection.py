"""Did it find the nodules, and how many false alarms did that cost?

A candidate hits a nodule if it lies closer to the nodule's centre than its radius: LUNA16's rule
(Setio et al., Medical Image Analysis 2017, 42:1-13). A second hit on one nodule is neither a hit
nor a false alarm, and neither is a candidate where nobody has labelled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric
from numpy.typing import ArrayLike, NDArray

from nodulus.bundles.common.hit_rule import nearest_hits


@dataclass(frozen=True, eq=False)
class ScanMatch:
    """Candidates of one scan against its nodules.

    Args:
        hit: for each candidate the index of the nearest nodule that it hits, -1 for none.
        found: for each nodule the highest score among its hits, NaN where it was missed.
        false_scores: scores of the false alarms.
    """

    hit: NDArray[np.int64]
    found: NDArray[np.float64]
    false_scores: NDArray[np.float64]


def match_scan(
    centers_mm: ArrayLike,
    scores: ArrayLike,
    nodule_centers_mm: ArrayLike,
    nodule_diameters_mm: ArrayLike,
    ignored: ArrayLike | None = None,
) -> ScanMatch:
    """Match the candidates of one scan.

    Args:
        centers_mm: candidates, shape (n, 3), in any millimetre space.
        scores: shape (n,).
        nodule_centers_mm: shape (m, 3), in the same space.
        nodule_diameters_mm: shape (m,).
        ignored: for each candidate whether it lies where nobody has labelled; none if None.
    """
    centers = np.asarray(centers_mm, dtype=np.float64).reshape(-1, 3)
    score = np.asarray(scores, dtype=np.float64).reshape(-1)
    nodules = np.asarray(nodule_centers_mm, dtype=np.float64).reshape(-1, 3)
    radius = np.asarray(nodule_diameters_mm, dtype=np.float64).reshape(-1) / 2
    if len(score) != len(centers) or len(radius) != len(nodules):
        raise ValueError(
            f"{len(centers)} candidates with {len(score)} scores, "
            f"{len(nodules)} nodules with {len(radius)} diameters"
        )
    skip = np.zeros(len(centers), bool) if ignored is None else np.asarray(ignored, bool)
    found = np.full(len(nodules), np.nan)
    hit = nearest_hits(centers, nodules, 2 * radius)
    for candidate in np.flatnonzero(hit >= 0):
        found[hit[candidate]] = np.fmax(found[hit[candidate]], score[candidate])
    return ScanMatch(hit, found, score[(hit < 0) & ~skip])


def _matches(output: Sequence[dict[str, Any]]) -> list[ScanMatch]:
    return [item["match"] for item in output]


class _Detection(Metric):
    """Collects scans; each output item is a :class:`ScanMatch` under the key ``match``."""

    def __init__(self, output_transform: Callable[[Any], Any] = _matches) -> None:
        super().__init__(output_transform=output_transform)

    def reset(self) -> None:
        """Forget all scans."""
        self.scans: list[ScanMatch] = []

    def update(self, output: Sequence[ScanMatch]) -> None:
        """Add scans."""
        self.scans.extend(output)

    def _need_scans(self) -> None:
        if not self.scans:
            raise NotComputableError(f"{type(self).__name__} needs at least one scan")


class DetectionSensitivity(_Detection):
    """Share of all nodules that a candidate hits."""

    def compute(self) -> float:
        """Return the sensitivity.

        Raises:
            NotComputableError: no scan, or no nodule in any.
        """
        self._need_scans()
        found = np.concatenate([scan.found for scan in self.scans])
        if len(found) == 0:
            raise NotComputableError("DetectionSensitivity needs at least one nodule")
        return float(np.mean(np.isfinite(found)))


class CandidatesPerScan(_Detection):
    """Mean number of candidates, true and false."""

    def compute(self) -> float:
        """Return the mean."""
        self._need_scans()
        return float(np.mean([len(scan.hit) for scan in self.scans]))


class FalsePositivesPerScan(_Detection):
    """Mean number of false alarms."""

    def compute(self) -> float:
        """Return the mean."""
        self._need_scans()
        return float(np.mean([len(scan.false_scores) for scan in self.scans]))
