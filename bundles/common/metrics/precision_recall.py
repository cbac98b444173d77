"""Precision over recall, and the average precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bundles.common.metrics.estimate import Floats, scored_items
from bundles.common.metrics.roc import cumulative_counts


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """One point a distinct score.

    Args:
        threshold: falling; items at or above it are called positive.
        precision: share of those called positive that are.
        recall: share of the positives that are called so; rising.
    """

    threshold: Floats
    precision: Floats
    recall: Floats

    @property
    def average_precision(self) -> float:
        """Precisions weighted by the recall that each adds; nothing is interpolated.

        Interpolation would flatter: Davis and Goadrich, ICML 2006.
        """
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))


def precision_recall(scores: ArrayLike, is_positive: ArrayLike) -> PrecisionRecall:
    """The curve.

    Args:
        scores: shape (n,); higher means positive.
        is_positive: shape (n,).

    Raises:
        ValueError: see :func:`~bundles.common.metrics.estimate.scored_items`.
    """
    score, positive = scored_items(scores, is_positive)
    threshold, hits, alarms = cumulative_counts(score, positive)
    return PrecisionRecall(threshold, hits / (hits + alarms), hits / hits[-1])
