"""Closed contours of a mask on one image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import find_contours


def mask_contours(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Give the contours halfway between the mask's edge pixels and those beside them.

    Holes are filled.

    Args:
        mask: shape (R, C).

    Returns:
        Points of shape (n, 2), n at least 3: row and column, 0 at the centre of the first pixel.
        The last point is not the first again.
    """
    filled = ndimage.binary_fill_holes(mask)
    return [line[:-1] - 1 for line in find_contours(np.pad(filled, 1).astype(np.float32), 0.5)]
