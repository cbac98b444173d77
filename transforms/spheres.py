"""The voxels of a ball."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.geometry import Geometry


def sphere_voxels(
    geometry: Geometry, center_lps_mm: ArrayLike, diameter_mm: float
) -> tuple[Box, NDArray[np.bool_]]:
    """The voxels whose centres lie in a ball, and the one that its centre lies in.

    Args:
        geometry: the grid.
        center_lps_mm: shape (3,).
        diameter_mm: of the ball.

    Returns:
        The part of the grid that holds the ball, and the ball in it; the part is empty where the
        ball lies outside.
    """
    center = np.asarray(center_lps_mm, dtype=np.float64)
    index = geometry.lps_to_index(center)
    # how far the ball reaches along each axis, in voxels; right for oblique and sheared grids
    reach = diameter_mm / 2 * np.linalg.norm(np.linalg.inv(geometry.affine_lps[:3, :3]), axis=1)
    shape = np.asarray(geometry.shape_irc)
    low = np.clip(np.floor(index - reach), 0, shape).astype(int)
    high = np.clip(np.ceil(index + reach) + 1, low, shape).astype(int)
    box = box_between(low, high)
    grid = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"))
    grid = np.moveaxis(grid, 0, -1)
    distance = np.linalg.norm(geometry.index_to_lps(grid) - center, axis=-1)
    inside = distance <= diameter_mm / 2
    inside |= np.all(grid == np.floor(index + 0.5), axis=-1)
    return box, np.asarray(inside)
