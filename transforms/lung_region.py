"""The lungs of a scan as a mask on a coarse grid, and on other grids over the same axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LungRegion:
    """The lungs on a coarse grid.

    Args:
        mask: shape (I, R, C) of ``geometry``: lungs closed over vessels and pleural nodules,
            with a margin of a few millimetres.
        aerated: the air-filled part alone, same shape.
        geometry: the coarse grid.
        touches_ends: whether the lungs reach the first and the last slice (a scan that cuts them).
        touches_sides: whether they reach the edge of the slices' field of view.
    """

    mask: BoolArray
    aerated: BoolArray
    geometry: Geometry
    touches_ends: tuple[bool, bool]
    touches_sides: bool = False

    @property
    def volume_ml(self) -> float:
        """Volume of the air-filled part."""
        return float(self.aerated.sum()) * self.geometry.voxel_volume_mm3 / 1000.0

    def at(self, points_lps_mm: NDArray[np.float64]) -> BoolArray:
        """Whether each point, shape (..., 3) in LPS mm, lies in the region."""
        index = np.round(self.geometry.lps_to_index(points_lps_mm)).astype(int)
        inside = np.all((index >= 0) & (index < np.asarray(self.mask.shape)), axis=-1)
        clipped = np.clip(index, 0, np.asarray(self.mask.shape) - 1)
        return np.asarray(inside & self.mask[clipped[..., 0], clipped[..., 1], clipped[..., 2]])

    def box(self, geometry: Geometry, margin_mm: float) -> tuple[slice, slice, slice]:
        """The box of another grid over the same axes that holds the region and a margin."""
        where = np.argwhere(self.mask)
        low = self.geometry.index_to_lps(where.min(axis=0) - 0.5)
        high = self.geometry.index_to_lps(where.max(axis=0) + 0.5)
        # the corners stay the extremes: both grids have the same axes
        ends = np.sort(geometry.lps_to_index(np.stack([low, high])), axis=0)
        margin = margin_mm / np.asarray(geometry.spacing_irc_mm)
        start = np.clip(np.floor(ends[0] - margin), 0, geometry.shape_irc).astype(int)
        stop = np.clip(np.ceil(ends[1] + margin) + 1, 0, geometry.shape_irc).astype(int)
        i, r, c = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        return i, r, c

    def on(self, geometry: Geometry) -> BoolArray:
        """The region on another grid (nearest neighbour), shape ``geometry.shape_irc``.

        Raises:
            ValueError: the other grid's axes are not this one's, up to order and sign.
        """
        return _pick(self.mask, self.geometry, geometry)


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
