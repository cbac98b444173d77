"""Two numbers that make a classifier's probabilities honest.

Platt, Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers 1999;
with the softened targets of that paper, which keep the fit finite where the classes are apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit

from nodulus.app.evaluation.metrics.estimate import scored_items
from nodulus.app.evaluation.metrics.temperature import RANGE


def fit_platt(logits: ArrayLike, is_positive: ArrayLike) -> tuple[float, float]:
    """The temperature and the offset at which the truth is most likely.

    The probability becomes the logistic function of ``logit / temperature + offset``. Other than a
    temperature alone, this also mends a classifier that has learnt on more positives than there
    are. The order of the items stays. Fit it on validation data.

    Args:
        logits: log odds, shape (n,).
        is_positive: shape (n,).

    Returns:
        The temperature, within :data:`~nodulus.app.evaluation.metrics.temperature.RANGE`, and the
        offset.

    Raises:
        ValueError: see :func:`~nodulus.app.evaluation.metrics.estimate.scored_items`.
    """
    logit, positive = scored_items(logits, is_positive)
    ups, downs = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (ups + 1) / (ups + 2), 1 / (downs + 2))

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        moved = line[0] * logit + line[1]
        gap = expit(moved) - target
        value = np.logaddexp(0.0, moved) - target * moved
        return float(value.mean()), np.array([(gap * logit).mean(), gap.mean()])

    bounds = [(1 / RANGE[1], 1 / RANGE[0]), (None, None)]
    best = minimize(loss, [1.0, 0.0], jac=True, bounds=bounds, options={"ftol": 1e-13})
    return 1 / float(best.x[0]), float(best.x[1])
