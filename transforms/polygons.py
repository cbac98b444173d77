"""Which pixels a closed polygon encloses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.measure import grid_points_in_poly

PlaneBox = tuple[slice, slice]
BoolArray = NDArray[np.bool_]

_STEPS_PER_PIXEL = 4096
"""Corners are put on this fine grid, so that 'on the line' is decided without rounding errors."""


def polygon_pixels(
    points_rc: ArrayLike, shape_rc: tuple[int, int]
) -> tuple[PlaneBox, BoolArray, BoolArray]:
    """Find the pixel centres inside a polygon, and those on its line.

    A line that crosses itself encloses what an odd number of its turns goes round.

    Args:
        points_rc: shape (n, 2), corners (row, column) in fractional pixels, whole numbers being
            pixel centres; the last may repeat the first.
        shape_rc: of the image; what lies outside it is cut off.

    Returns:
        The part of the image that holds the polygon (empty where it lies outside), the pixels
        strictly inside, and the pixels that the line or a corner goes through.

    Raises:
        ValueError: ``points_rc`` is not a list of finite points.
    """
    points = np.asarray(points_rc, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points must have shape (n, 2), got {points.shape}")
    if not np.all(np.isfinite(points)):
        raise ValueError("a point of the polygon is not finite")
    points = np.round(points * _STEPS_PER_PIXEL) / _STEPS_PER_PIXEL
    low = np.clip(np.floor(points.min(axis=0)), 0, shape_rc).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, low, shape_rc).astype(int)
    rows, columns = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    kinds = grid_points_in_poly(tuple(high - low), points - low, binarize=False)
    return (rows, columns), kinds == 1, kinds > 1
