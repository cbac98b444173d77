"""The lungs of a scan as a mask on a coarse grid, and on other grids over the same axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.blocks import box_between
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_sides import LEFT, RIGHT

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LungRegion:
    """The lungs and the region that is searched, on a coarse grid.

    Args:
        search_region: shape (I, R, C) of ``geometry``: the lungs closed over vessels,
            masses and consolidated lobes, with a margin.
        sides: uint8, same shape: the lungs as far as they are filled with air, without the
            trachea; ``RIGHT`` or ``LEFT`` of :mod:`.lung_sides`, and 0.
        geometry: the coarse grid.
        touches_ends: whether the lungs reach the first and the last slice (a scan that cuts them).
        touches_sides: whether they reach the edge of the slices' field of view.
        mid_plane: the sagittal plane between the lungs: a unit normal that points to the patient's
            left, and its distance from the origin, LPS mm.
    """

    search_region: BoolArray
    sides: NDArray[np.uint8]
    geometry: Geometry
    touches_ends: tuple[bool, bool]
    touches_sides: bool = False
    mid_plane: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)

    @property
    def aerated(self) -> BoolArray:
        """The air-filled part of both lungs, shape (I, R, C)."""
        return self.sides > 0

    @property
    def volume_ml(self) -> float:
        """Volume of the air-filled part of both lungs."""
        return self.right_ml + self.left_ml

    @property
    def right_ml(self) -> float:
        """Volume of the air-filled part of the right lung."""
        return self._ml(RIGHT)

    @property
    def left_ml(self) -> float:
        """Volume of the air-filled part of the left lung."""
        return self._ml(LEFT)

    def _ml(self, side: int) -> float:
        return float((self.sides == side).sum()) * self.geometry.voxel_volume_mm3 / 1000.0

    def left_of_middle_mm(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far to the patient's left of the mid-plane points of shape (..., 3) lie, LPS mm."""
        return np.asarray(points_lps_mm @ np.asarray(self.mid_plane[:3]) - self.mid_plane[3])

    def at(self, points_lps_mm: NDArray[np.float64]) -> BoolArray:
        """Whether each point, shape (..., 3) in LPS mm, lies in the search region."""
        index = np.round(self.geometry.lps_to_index(points_lps_mm)).astype(int)
        inside = np.all((index >= 0) & (index < np.asarray(self.search_region.shape)), axis=-1)
        clipped = np.clip(index, 0, np.asarray(self.search_region.shape) - 1)
        return np.asarray(
            inside & self.search_region[clipped[..., 0], clipped[..., 1], clipped[..., 2]]
        )

    def box(self, geometry: Geometry, margin_mm: float) -> tuple[slice, slice, slice]:
        """The box of another grid over the same axes that holds the search region and a margin."""
        where = np.argwhere(self.search_region)
        low = self.geometry.index_to_lps(where.min(axis=0) - 0.5)
        high = self.geometry.index_to_lps(where.max(axis=0) + 0.5)
        # the corners stay the extremes: both grids have the same axes
        ends = np.sort(geometry.lps_to_index(np.stack([low, high])), axis=0)
        margin = margin_mm / np.asarray(geometry.spacing_irc_mm)
        start = np.clip(np.floor(ends[0] - margin), 0, geometry.shape_irc).astype(int)
        stop = np.clip(np.ceil(ends[1] + margin) + 1, 0, geometry.shape_irc).astype(int)
        return box_between(start, stop)

    def on(self, geometry: Geometry) -> BoolArray:
        """The search region on another grid (nearest neighbour), shape ``geometry.shape_irc``.

        Raises:
            ValueError: the other grid's axes are not this one's, up to order and sign.
        """
        return _pick(self.search_region, self.geometry, geometry)

    def aerated_on(self, geometry: Geometry) -> BoolArray:
        """The air-filled part of both lungs on another grid, as `on` has the search region."""
        return _pick(self.aerated, self.geometry, geometry)


def _pick(mask: BoolArray, source: Geometry, target: Geometry) -> BoolArray:
    """Nearest neighbour between grids whose axes agree up to order and sign."""
    matrix = np.linalg.inv(source.affine_lps) @ target.affine_lps
    order = np.argmax(np.abs(matrix[:3, :3]), axis=0)  # the source axis of each target axis
    reach = np.abs(matrix[:3, :3]) * np.asarray(target.shape_irc)
    stray = reach.copy()
    stray[order, range(3)] = 0.0
    if sorted(order) != [0, 1, 2] or stray.max() > 1.0:
        raise ValueError("the two grids' axes differ by more than order and sign")
    picks = []
    for axis, own in enumerate(order):
        index = matrix[own, axis] * np.arange(target.shape_irc[axis]) + matrix[own, 3]
        picks.append(np.clip(np.round(index), 0, mask.shape[own] - 1).astype(int))
    return np.asarray(mask.transpose(order)[np.ix_(*picks)])
