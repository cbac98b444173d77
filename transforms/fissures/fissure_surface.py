"""A fissure as a surface over a plane, with the interval that it lies in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from nodulus.transforms.fissures.surface_grid import SurfaceGrid

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FissureSurface:
    """Where a fissure lies over each node of a grid.

    Args:
        grid: of the samples.
        nodes: so many samples each way are one node.
        low_mm: the lower end of the interval, shape (nodes along u, nodes along v), over the plane.
        middle_mm: the most likely height.
        high_mm: the upper end.
    """

    grid: SurfaceGrid
    nodes: int
    low_mm: FloatArray
    middle_mm: FloatArray
    high_mm: FloatArray

    def side_of(self, points_lps_mm: FloatArray) -> NDArray[np.int8]:
        """1 above the fissure, -1 below it, 0 within the interval; points of shape (n, 3)."""
        at, height = self._place(points_lps_mm)
        above = height > _interpolated(self.high_mm, at)
        below = height < _interpolated(self.low_mm, at)
        return above.astype(np.int8) - below.astype(np.int8)

    def height_over(self, points_lps_mm: FloatArray) -> FloatArray:
        """How far above the most likely surface points lie, across the plane, shape (n,), mm."""
        at, height = self._place(points_lps_mm)
        return height - _interpolated(self.middle_mm, at)

    def _place(self, points_lps_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        index = self.grid.geometry.lps_to_index(points_lps_mm)
        at = (index[:, :2] - (self.nodes - 1) / 2) / self.nodes
        height = (index[:, 2] - self.grid.middle) * self.grid.geometry.spacing_irc_mm[2]
        return at.T, height


def _interpolated(values: FloatArray, at: FloatArray) -> FloatArray:
    return np.asarray(map_coordinates(values, at, order=1, mode="nearest"))
