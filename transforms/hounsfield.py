"""Voxel values of a file as Hounsfield units in as few bytes as hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AIR_HU = -1024
"""What stands where there is no image: padding, outside a field of view, what is no number."""

_INT16 = np.iinfo(np.int16)


def compact_hounsfield(values: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """int16 where nothing is lost, else float32; what is not a number becomes air.

    Args:
        values: Hounsfield units of any real type, any shape. Whole numbers beyond int16 are
            clipped to it.

    Returns:
        The values, and how many were not numbers.
    """
    if values.dtype == np.int16:
        return values, 0
    if np.issubdtype(values.dtype, np.integer):
        return np.clip(values, _INT16.min, _INT16.max).astype(np.int16), 0
    bad = ~np.isfinite(values)
    count = int(bad.sum())
    if count:
        values = np.where(bad, AIR_HU, values)
    if np.all(np.abs(values) <= _INT16.max) and np.array_equal(values, np.rint(values)):
        return values.astype(np.int16), count
    return values.astype(np.float32), count
