"""One connected part of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BoolArray = NDArray[np.bool_]


def part_with_most_of(mask: BoolArray, seen: BoolArray) -> BoolArray:
    """The part of a mask, connected by faces, that shares most voxels with another mask.

    Args:
        mask: any number of axes.
        seen: same shape.

    Returns:
        Same shape; empty where they share nothing.
    """
    labels, count = ndimage.label(mask)
    shared = np.bincount(labels[seen], minlength=count + 1)
    shared[0] = 0
    return np.asarray(labels == shared.argmax()) if shared.any() else np.zeros_like(mask)
