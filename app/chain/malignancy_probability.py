"""One malignancy probability from the network's opinion and the nodule's size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from nodulus.app.chain.log_odds import log_odds


def with_size(
    probability: ArrayLike, diameter_mm: ArrayLike, size_weight: float, neutral_mm: float
) -> NDArray[np.float64]:
    """Add the logarithm of the diameter to the network's log odds.

    Size is the strongest single sign of malignancy, and models of its risk are linear in a
    function of it on the scale of log odds (McWilliams et al., NEJM 369(10), 2013).

    Args:
        probability: the network's, 0 to 1, shape (n,).
        diameter_mm: of the ball of equal volume, above 0, same shape.
        size_weight: 0 leaves the probabilities as they are.
        neutral_mm: the diameter that leaves a probability as it is.

    Returns:
        Probabilities, float64, shape (n,).
    """
    given = np.asarray(probability, dtype=np.float64)
    if size_weight == 0.0:
        return given
    size = np.log(np.asarray(diameter_mm, dtype=np.float64) / neutral_mm)
    return np.asarray(expit(log_odds(given) + size_weight * size), dtype=np.float64)
