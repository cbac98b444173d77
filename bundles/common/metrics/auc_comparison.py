"""AUC of several methods on the same nodules, each trained with several seeds.

A figure of one training run holds two kinds of chance: which nodules were judged, and which seed
the training had. The bootstrap draws both with replacement, nodules within each class and seeds
within each method (Efron and Tibshirani, An Introduction to the Bootstrap, 1994, chapters 8 and
13); the difference to the baseline is taken within each draw, so that it is paired by nodule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from bundles.common.metrics.estimate import Estimate, Flags, Floats, scored_items


@dataclass(frozen=True)
class ComparedAuc:
    """One method.

    Args:
        by_seed: AUC of each seed.
        auc: their mean with its interval.
        difference: to the baseline with its interval; None for the baseline itself.
    """

    by_seed: tuple[float, ...]
    auc: Estimate
    difference: Estimate | None


def compare_methods(
    scores: Mapping[str, ArrayLike],
    is_positive: ArrayLike,
    baseline: str,
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, ComparedAuc]:
    """Mean AUC of each method, and how far it is from the baseline's.

    Args:
        scores: of each method, shape (seeds, n), or (n,) where nothing is random.
        is_positive: shape (n,).
        baseline: name of the method that the others are compared with.
        samples: of the bootstrap.
        confidence: of the intervals.
        seed: of the bootstrap.

    Raises:
        ValueError: see :func:`~bundles.common.metrics.estimate.scored_items`.
    """
    tables = {name: np.atleast_2d(np.asarray(s, dtype=np.float64)) for name, s in scores.items()}
    for table in tables.values():
        for row in table:
            scored_items(row, is_positive)
    positive = np.asarray(is_positive).reshape(-1).astype(bool)
    names = list(tables)
    stacked = np.concatenate([tables[name] for name in names])
    owner = np.repeat(np.arange(len(names)), [len(tables[name]) for name in names])
    rows = [np.flatnonzero(owner == n) for n in range(len(names))]
    whole = _aucs(stacked, positive)
    value = np.array([whole[own].mean() for own in rows])

    draw = np.random.default_rng(seed)
    classes = np.flatnonzero(positive), np.flatnonzero(~positive)
    drawn = np.empty((samples, len(names)))
    for n in range(samples):
        chosen = np.concatenate([draw.choice(group, len(group)) for group in classes])
        aucs = _aucs(stacked[:, chosen], positive[chosen])
        drawn[n] = [aucs[draw.choice(own, len(own))].mean() for own in rows]
    tail = (1 - confidence) / 2

    def estimate(middle: float, samples_of_it: Floats) -> Estimate:
        low, high = np.quantile(samples_of_it, [tail, 1 - tail])
        return Estimate(float(middle), float(low), float(high))

    base = names.index(baseline)
    return {
        name: ComparedAuc(
            tuple(float(a) for a in whole[rows[n]]),
            estimate(value[n], drawn[:, n]),
            None if n == base else estimate(value[n] - value[base], drawn[:, n] - drawn[:, base]),
        )
        for n, name in enumerate(names)
    }


def _aucs(scores: Floats, positive: Flags) -> Floats:
    """AUC of each row of scores, shape (rows, n), by ranks; ties count half."""
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores, axis=1)[:, positive].sum(axis=1)
    return np.asarray((ranks - m * (m + 1) / 2) / (m * n))
