"""The free-response ROC curve and its one number, the CPM, as the LUNA16 challenge computes them.

Sensitivity over false positives a scan; the competition performance metric is the mean of seven
sensitivities, at 1/8 to 8 false positives a scan (Setio et al., Medical Image Analysis 2017,
42:1-13; Niemeijer et al., IEEE Transactions on Medical Imaging 2011, 30(2):215-223).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nodulus.bundles.common.metrics.luna16_match import Floats, Indices, MarkMatch

CPM_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives a scan at which the challenge reads the sensitivity."""


@dataclass(frozen=True, eq=False)
class FrocCurve:
    """One point a distinct probability, from none marked to all marked.

    Args:
        threshold: falling; marks at or above it count; infinite for the first point.
        false_positives_per_scan: rising.
        sensitivity: rising, 0 to 1.
    """

    threshold: Floats
    false_positives_per_scan: Floats
    sensitivity: Floats

    def sensitivity_at(self, false_positives_per_scan: ArrayLike) -> Floats:
        """Interpolated linearly; beyond the last point it stays as it is there."""
        found = np.interp(
            np.asarray(false_positives_per_scan, dtype=np.float64),
            self.false_positives_per_scan,
            self.sensitivity,
        )
        return np.asarray(found, dtype=np.float64)

    @property
    def cpm(self) -> float:
        """Mean sensitivity at the seven rates."""
        return float(np.mean(self.sensitivity_at(CPM_RATES)))


class FrocCounts:
    """Sorted once, counted for any weighting of the scans.

    Args:
        match: of all scans.

    Raises:
        ValueError: no nodule, or a probability that is no finite number.
    """

    def __init__(self, match: MarkMatch) -> None:
        if len(match.nodule_score) == 0:
            raise ValueError("a FROC curve needs at least one nodule")
        found = np.isfinite(match.nodule_score)
        score = np.concatenate([match.nodule_score[found], match.false_score])
        if not np.isfinite(score).all():
            raise ValueError("a mark's probability is not a finite number")
        order = np.argsort(-score, kind="stable")
        self.scans = match.scans
        self._nodule_scan = match.nodule_scan
        self._scan: Indices = np.concatenate([match.nodule_scan[found], match.false_scan])[order]
        self._is_nodule = (np.arange(len(score)) < found.sum())[order]
        falling = score[order]
        self._last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: len(falling)])
        self.threshold = np.concatenate([[np.inf], falling[self._last]])

    def curve(self, weight: Indices | None = None) -> FrocCurve | None:
        """The curve where scan ``n`` occurs ``weight[n]`` times; None if no nodule is left.

        Args:
            weight: shape (scans,); every scan once if None.
        """
        times = np.ones(self.scans, np.int64) if weight is None else weight
        nodules = int(times[self._nodule_scan].sum())
        if nodules == 0:
            return None
        own = times[self._scan]
        alarms = self._counted(np.where(self._is_nodule, 0, own))
        hits = self._counted(np.where(self._is_nodule, own, 0))
        # Divided and multiplied again as the challenge does with scikit-learn's rates: the last
        # bit decides on which side of a step a point such as exactly 1/8 lies.
        return FrocCurve(
            self.threshold,
            _rate(alarms) * alarms[-1] / self.scans,
            _rate(hits) * hits[-1] / nodules,
        )

    def _counted(self, weight: Indices) -> Floats:
        return np.concatenate([[0.0], np.cumsum(weight)[self._last]])


def _rate(count: Floats) -> Floats:
    return count / count[-1] if count[-1] > 0 else count


def froc_curve(match: MarkMatch) -> FrocCurve:
    """The curve of all scans.

    Raises:
        ValueError: see :class:`FrocCounts`.
    """
    curve = FrocCounts(match).curve()
    assert curve is not None
    return curve
