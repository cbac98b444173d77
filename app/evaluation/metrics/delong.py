"""Interval of an AUC, and the paired test of two, after DeLong.

DeLong, DeLong and Clarke-Pearson, Biometrics 1988, 44(3):837-845, by the fast algorithm of Sun and
Xu, IEEE Signal Processing Letters 2014, 21(11):1389-1393: the structural components come from
midranks, in the time of a sort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata

from nodulus.app.evaluation.metrics.estimate import (
    Estimate,
    Flags,
    Floats,
    normal_quantile,
    scored_items,
)


@dataclass(frozen=True)
class AucDifference:
    """Two scores on the same items.

    Args:
        first: AUC of the first score.
        second: AUC of the second.
        difference: first minus second with its interval.
        z: the difference in standard errors; 0 where the two are equal everywhere.
        p_value: two-sided, of there being no difference.
    """

    first: float
    second: float
    difference: Estimate
    z: float
    p_value: float


def auc_interval(scores: ArrayLike, is_positive: ArrayLike, confidence: float = 0.95) -> Estimate:
    """AUC with a normal interval of DeLong's variance, cut at 0 and 1.

    The interval has no width where the classes do not overlap or a class has one item: the method
    sees no spread there.

    Args:
        scores: shape (n,); higher means positive.
        is_positive: shape (n,).
        confidence: of the interval.

    Raises:
        ValueError: see :func:`~nodulus.app.evaluation.metrics.estimate.scored_items`.
    """
    score, positive = scored_items(scores, is_positive)
    (auc,), covariance = _auc_covariance(score[None], positive)
    half = normal_quantile(confidence) * float(np.sqrt(covariance[0, 0]))
    return Estimate(float(auc), max(float(auc) - half, 0.0), min(float(auc) + half, 1.0))


def compare_aucs(
    first: ArrayLike, second: ArrayLike, is_positive: ArrayLike, confidence: float = 0.95
) -> AucDifference:
    """DeLong's test of two scores on the same items.

    Args:
        first: shape (n,).
        second: shape (n,), of the same items.
        is_positive: shape (n,).
        confidence: of the interval of the difference.

    Raises:
        ValueError: see :func:`~nodulus.app.evaluation.metrics.estimate.scored_items`.
    """
    (one, positive), (two, _) = scored_items(first, is_positive), scored_items(second, is_positive)
    aucs, covariance = _auc_covariance(np.stack([one, two]), positive)
    contrast = np.array([1.0, -1.0])
    gap = float(contrast @ aucs)
    error = float(np.sqrt(max(contrast @ covariance @ contrast, 0.0)))
    half = normal_quantile(confidence) * error
    # No spread at all: either the two are equal, or they differ beyond doubt.
    certain = 0.0 if gap == 0 else float(np.copysign(np.inf, gap))
    z = gap / error if error > 0 else certain
    return AucDifference(
        float(aucs[0]),
        float(aucs[1]),
        Estimate(gap, gap - half, gap + half),
        z,
        float(2 * norm.sf(abs(z))),
    )


def _auc_covariance(scores: Floats, positive: Flags) -> tuple[Floats, Floats]:
    """AUC of each score, shape (k,), and their covariance, shape (k, k)."""
    pos, neg = scores[:, positive], scores[:, ~positive]
    m, n = pos.shape[1], neg.shape[1]
    rank_all = rankdata(np.concatenate([pos, neg], axis=1), axis=1)
    of_positives = (rank_all[:, :m] - rankdata(pos, axis=1)) / n
    of_negatives = 1.0 - (rank_all[:, m:] - rankdata(neg, axis=1)) / m
    covariance = _spread(of_positives) / m + _spread(of_negatives) / n
    return of_positives.mean(axis=1), covariance


def _spread(components: Floats) -> Floats:
    """Covariance matrix; 0 for a single item."""
    k, count = components.shape
    return np.atleast_2d(np.cov(components)) if count > 1 else np.zeros((k, k))
