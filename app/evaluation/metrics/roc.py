"""The ROC curve and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nodulus.app.evaluation.metrics.estimate import Estimate, Flags, Floats, bootstrap, scored_items


@dataclass(frozen=True, eq=False)
class RocCurve:
    """One point a distinct score, from none called positive to all.

    Args:
        threshold: falling; items at or above it are called positive; infinite first.
        sensitivity: rising.
        specificity: falling.
    """

    threshold: Floats
    sensitivity: Floats
    specificity: Floats

    @property
    def auc(self) -> float:
        """Area by trapezoids: the chance that a positive scores above a negative, ties half."""
        alarm = 1.0 - self.specificity
        height = (self.sensitivity[1:] + self.sensitivity[:-1]) / 2
        return float(np.sum(np.diff(alarm) * height))


def cumulative_counts(scores: Floats, positive: Flags) -> tuple[Floats, Floats, Floats]:
    """Threshold, true and false positives for each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    falling, truth = scores[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    return falling[last], np.cumsum(truth)[last], np.cumsum(~truth)[last]


def roc_curve(scores: ArrayLike, is_positive: ArrayLike) -> RocCurve:
    """The curve.

    Args:
        scores: shape (n,); higher means positive.
        is_positive: shape (n,).

    Raises:
        ValueError: see :func:`~nodulus.app.evaluation.metrics.estimate.scored_items`.
    """
    score, positive = scored_items(scores, is_positive)
    threshold, hits, alarms = cumulative_counts(score, positive)
    return RocCurve(
        np.concatenate([[np.inf], threshold]),
        np.concatenate([[0.0], hits / hits[-1]]),
        np.concatenate([[1.0], 1.0 - alarms / alarms[-1]]),
    )


def sensitivity_at_specificity(
    scores: ArrayLike,
    is_positive: ArrayLike,
    specificity: float,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """The best sensitivity of a threshold with at least that specificity.

    In each sample of the bootstrap the threshold is chosen anew, so that the interval holds the
    doubt about it too.

    Args:
        scores: shape (n,).
        is_positive: shape (n,).
        specificity: wanted, 0 to 1.
        samples: of the bootstrap.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        ValueError: see :func:`~nodulus.app.evaluation.metrics.estimate.scored_items`.
    """

    def read(score: Floats, positive: Flags) -> float:
        curve = roc_curve(score, positive)
        return float(curve.sensitivity[_reaches(curve.specificity, specificity)].max())

    return bootstrap(read, scores, is_positive, samples, confidence, seed)


def specificity_at_sensitivity(
    scores: ArrayLike,
    is_positive: ArrayLike,
    sensitivity: float,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """The best specificity of a threshold with at least that sensitivity.

    Arguments and errors as in :func:`sensitivity_at_specificity`.
    """

    def read(score: Floats, positive: Flags) -> float:
        curve = roc_curve(score, positive)
        return float(curve.specificity[_reaches(curve.sensitivity, sensitivity)].max())

    return bootstrap(read, scores, is_positive, samples, confidence, seed)


def _reaches(share: Floats, wanted: float) -> Flags:
    """Whether each share is at least what is wanted, rounding apart."""
    return np.asarray(share >= wanted - 1e-12)
