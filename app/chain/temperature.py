"""Probabilities at another temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit


def tempered(probability: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Divide the log odds by the temperature (Guo et al., ICML 2017).

    The order stays; above 1 the probabilities move towards one half.

    Args:
        probability: 0 to 1, any shape.
        temperature: above 0; 1 changes nothing.
    """
    given = np.asarray(probability, dtype=np.float64)
    if temperature == 1.0:
        return given
    return np.asarray(expit(logit(given) / temperature), dtype=np.float64)
