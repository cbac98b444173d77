"""One probability from two networks' opinions of a candidate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from nodulus.app.chain.log_odds import log_odds

_SUREST = 1e-4
"""No network is surer than this, so that one cannot outvote the other whatever it says."""


def combine(
    segmentation: ArrayLike, classifier: ArrayLike, segmentation_share: float
) -> NDArray[np.float64]:
    """Pool the segmentation's and the nodule classifier's opinion.

    The weighted mean of their log odds (a logarithmic opinion pool: Genest and Zidek, Statistical
    Science 1(1), 1986). The two see a candidate at different scales and err on different ones.

    Args:
        segmentation: highest voxel probability of each candidate, shape (candidates,).
        classifier: the nodule classifier's probability of each, same shape.
        segmentation_share: weight of the first, 0 to 1; the rest is the second's.

    Returns:
        Probabilities, float64, shape (candidates,).
    """
    first, second = (log_odds(p, _SUREST) for p in (segmentation, classifier))
    pooled = expit(segmentation_share * first + (1.0 - segmentation_share) * second)
    return np.asarray(pooled, dtype=np.float64)
