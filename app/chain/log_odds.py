"""Log odds of probabilities that may be 0 or 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit


def log_odds(probability: ArrayLike, least: float = 1e-6) -> NDArray[np.float64]:
    """The logarithm of p / (1 - p), which stays finite.

    Args:
        probability: 0 to 1, any shape.
        least: nothing counts as less probable than this, or as surer than one less this.
    """
    given = np.asarray(probability, dtype=np.float64)
    return np.asarray(logit(np.clip(given, least, 1.0 - least)), dtype=np.float64)
