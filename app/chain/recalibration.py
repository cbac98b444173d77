"""Probabilities calibrated."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit


def recalibrated(
    probability: ArrayLike, temperature: float, offset: float = 0.0
) -> NDArray[np.float64]:
    """Divide the log odds by the temperature and add the offset; the order stays.

    With an offset this is Platt's scaling (Advances in Large Margin Classifiers, 1999), without
    one temperature scaling (Guo et al., ICML 2017).

    Args:
        probability: 0 to 1, any shape.
        temperature: above 0; above 1 the probabilities move towards one half.
        offset: in log odds; below 0 all become smaller.
    """
    given = np.asarray(probability, dtype=np.float64)
    if temperature == 1.0 and offset == 0.0:
        return given
    return np.asarray(expit(logit(given) / temperature + offset), dtype=np.float64)
