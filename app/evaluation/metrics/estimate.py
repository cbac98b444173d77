"""A measured value with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, norm

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Statistic = Callable[[Floats, Flags], float]
"""Takes scores and whether each item is positive."""


@dataclass(frozen=True)
class Estimate:
    """A value with a confidence interval."""

    value: float
    lower: float
    upper: float


def scored_items(scores: ArrayLike, is_positive: ArrayLike) -> tuple[Floats, Flags]:
    """Check what every measure of a classifier takes.

    Args:
        scores: shape (n,), finite; higher means positive.
        is_positive: shape (n,), the truth.

    Raises:
        ValueError: lengths differ, a score is not finite, or a class has no item.
    """
    score = np.asarray(scores, dtype=np.float64).reshape(-1)
    positive = np.asarray(is_positive).reshape(-1).astype(bool)
    if len(score) != len(positive):
        raise ValueError(f"{len(score)} scores for {len(positive)} items")
    if not np.isfinite(score).all():
        raise ValueError("a score is not a finite number")
    if positive.all() or not positive.any():
        raise ValueError(
            f"{int(positive.sum())} positives among {len(positive)} items; both classes are needed"
        )
    return score, positive


def normal_quantile(confidence: float) -> float:
    """Half width of a normal interval in standard deviations."""
    return float(norm.ppf(0.5 + confidence / 2))


def proportion(count: int, total: int, confidence: float = 0.95) -> Estimate | None:
    """A share with Wilson's score interval; None of nothing.

    Wilson, Journal of the American Statistical Association 1927, 22(158):209-212.
    """
    if total == 0:
        return None
    interval = binomtest(count, total).proportion_ci(confidence, method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high))


def bootstrap(
    statistic: Statistic,
    scores: ArrayLike,
    is_positive: ArrayLike,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a statistic; items are drawn with replacement within each class.

    Efron and Tibshirani, An Introduction to the Bootstrap (1994), chapter 13.

    Args:
        statistic: of scores and truth.
        scores: shape (n,).
        is_positive: shape (n,).
        samples: how many.
        confidence: of the interval.
        seed: of the draws.

    Raises:
        ValueError: see :func:`scored_items`.
    """
    score, positive = scored_items(scores, is_positive)
    draw = np.random.default_rng(seed)
    groups = np.flatnonzero(positive), np.flatnonzero(~positive)
    values = np.empty(samples)
    for n in range(samples):
        chosen = np.concatenate([draw.choice(g, size=len(g)) for g in groups])
        values[n] = statistic(score[chosen], positive[chosen])
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return Estimate(statistic(score, positive), float(lower), float(upper))
