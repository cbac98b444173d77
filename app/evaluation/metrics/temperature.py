"""One number that makes a classifier's probabilities honest.

Guo et al., On calibration of modern neural networks, ICML 2017 (temperature scaling).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from nodulus.app.evaluation.metrics.estimate import scored_items

RANGE = (0.05, 20.0)
"""Where the temperature is looked for."""


def fit_temperature(logits: ArrayLike, is_positive: ArrayLike) -> float:
    """The number to divide logits by that makes the truth most likely.

    Its order of the items stays, and so do ROC and FROC. Fit it on validation data.

    Args:
        logits: log odds, shape (n,).
        is_positive: shape (n,).

    Returns:
        Above 1 where the classifier is too sure, below where it is not sure enough; within
        :data:`RANGE`, whose ends it reaches where no number within is best.

    Raises:
        ValueError: see :func:`~nodulus.app.evaluation.metrics.estimate.scored_items`.
    """
    logit, positive = scored_items(logits, is_positive)
    signed = np.where(positive, -logit, logit)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0.0, signed * np.exp(-log_temperature)).mean())

    bounds = tuple(np.log(RANGE))
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))
