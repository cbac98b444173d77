"""From outlines on slices to a smooth signed distance field on an isotropic grid.

Per slice, the outlines become a signed distance; between slices the distances are interpolated
(shape-based interpolation: Raya and Udupa, IEEE TMI 9(1), 1990); readers are joined by the median
of their fields, whose inside is what at least half of them outlined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from scipy.spatial import cKDTree
from skimage.measure import grid_points_in_poly

from nodulus.bundles.common.lidc.database import Outline

FloatArray = NDArray[np.float64]
MARGIN_MM = 4.0


@dataclass(frozen=True, eq=False)
class Grid:
    """An isotropic grid; axes (I, R, C) run along +z, +y, +x of LPS.

    Args:
        origin_zyx_mm: position of voxel (0, 0, 0).
        shape_irc: number of voxels.
        spacing_mm: voxel spacing.
    """

    origin_zyx_mm: FloatArray
    shape_irc: tuple[int, int, int]
    spacing_mm: float

    @classmethod
    def around(
        cls,
        readers: Sequence[Sequence[Outline]],
        pixel_mm: float,
        slice_mm: float,
        spacing_mm: float,
    ) -> Grid:
        """The grid that holds every reader's outlines with a margin of 4 mm."""
        outlines = [outline for reader in readers for outline in reader]
        points = np.concatenate([o.points_xy for o in outlines]) * pixel_mm
        levels = [o.z_mm for o in outlines]
        low = np.array([min(levels) - slice_mm, points[:, 1].min(), points[:, 0].min()])
        high = np.array([max(levels) + slice_mm, points[:, 1].max(), points[:, 0].max()])
        counts = np.ceil((high - low + 2 * MARGIN_MM) / spacing_mm).astype(int) + 1
        i, r, c = (int(n) for n in counts)
        return cls(low - MARGIN_MM, (i, r, c), spacing_mm)

    def axis_mm(self, axis: int) -> FloatArray:
        """Positions along one axis."""
        return np.asarray(
            self.origin_zyx_mm[axis] + self.spacing_mm * np.arange(self.shape_irc[axis])
        )


def distance_field(
    readers: Sequence[Sequence[Outline]], pixel_mm: float, slice_mm: float, grid: Grid
) -> NDArray[np.float32]:
    """Signed distance to the readers' common border, in mm, negative inside.

    Args:
        readers: each reader's outlines of one nodule.
        pixel_mm: pixel spacing of the scan.
        slice_mm: slice spacing of the scan.
        grid: where to sample.

    Raises:
        ValueError: the outlines enclose nothing.
    """
    fields = [_reader_field(outlines, pixel_mm, slice_mm, grid) for outlines in readers]
    field = np.median(fields, axis=0) if len(fields) > 1 else fields[0]
    inside = int(np.count_nonzero(field < 0))
    if inside == 0:
        raise ValueError("the outlines enclose no voxel")
    # Pixels and slices leave steps: smooth them, then restore the volume that smoothing took.
    sigma_mm = (0.4 + 0.3 * slice_mm, 0.6, 0.6)
    if inside * grid.spacing_mm**3 < 120.0:
        sigma_mm = (0.25 + 0.25 * slice_mm, 0.4, 0.4)
    field = gaussian_filter(field, [s / grid.spacing_mm for s in sigma_mm], mode="nearest")
    field = field - np.partition(field.ravel(), inside)[inside]
    # One nodule is one piece: what the readers' disagreement split off goes.
    pieces, count = label(field < 0)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        crumbs = (pieces > 0) & (pieces != 1 + int(np.argmax(sizes[1:])))
        field[crumbs] = np.abs(field[crumbs]) + 1e-3
    return _redistance(field, grid.spacing_mm)


def _reader_field(
    outlines: Sequence[Outline], pixel_mm: float, slice_mm: float, grid: Grid
) -> FloatArray:
    levels = sorted({outline.z_mm for outline in outlines})
    planes = [
        _slice_distance([o for o in outlines if o.z_mm == level], pixel_mm, grid)
        for level in levels
    ]
    field = np.empty(grid.shape_irc)
    for i, z in enumerate(grid.axis_mm(0)):
        above = int(np.searchsorted(levels, z))
        if 0 < above < len(levels):
            share = (z - levels[above - 1]) / (levels[above] - levels[above - 1])
            field[i] = (1 - share) * planes[above - 1] + share * planes[above]
        else:
            end = 0 if above == 0 else -1
            field[i] = _beyond(planes[end], abs(z - levels[end]), len(levels) == 1, slice_mm)
    return field


def _beyond(plane: FloatArray, distance_mm: float, is_alone: bool, slice_mm: float) -> FloatArray:
    """The field past the last outlined slice: an elliptic cap that ends half a slice further.

    A nodule seen on one slice alone is given the thickness of a slightly flat ellipsoid, but no
    less than half a slice and no more than one slice to either side: it is not on the next one.
    """
    depth = max(float(-plane.min()), 0.25 * slice_mm)
    half = 0.5 * slice_mm
    if is_alone:
        half = float(np.clip(0.8 * depth, half, 2.0 * half))
    share = distance_mm / half
    rise = 1.0 - np.sqrt(1.0 - share**2) if share < 1.0 else share
    return plane + depth * rise


def _slice_distance(outlines: Sequence[Outline], pixel_mm: float, grid: Grid) -> FloatArray:
    """Signed distance in one slice's plane.

    The curve runs through the first pixels outside, so the border lies half a pixel inwards of
    it; the same is taken to hold for the curve round a hole.
    """
    _, rows, columns = grid.shape_irc
    y_mm, x_mm = np.repeat(grid.axis_mm(1), columns), np.tile(grid.axis_mm(2), rows)
    samples = np.column_stack([x_mm, y_mm])
    origin_xy = grid.origin_zyx_mm[[2, 1]]
    result = np.full((rows, columns), np.inf)
    for outline in sorted(outlines, key=lambda o: o.is_hole):
        points = outline.points_xy * pixel_mm
        distance = cKDTree(_densified(points)).query(samples)[0].reshape(rows, columns)
        corners_rc = ((points - origin_xy) / grid.spacing_mm)[:, ::-1]
        inside = grid_points_in_poly((rows, columns), corners_rc)
        signed = np.where(inside, -distance, distance) + 0.5 * pixel_mm
        result = np.maximum(result, -signed) if outline.is_hole else np.minimum(result, signed)
    return result


def _densified(points: FloatArray, step_mm: float = 0.15) -> FloatArray:
    """Points at most ``step_mm`` apart along the closed curve, shape (m, 2)."""
    closed = np.vstack([points, points[:1]])
    gap = np.hypot(*np.diff(closed, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(gap)])
    at = np.linspace(0.0, along[-1], max(int(along[-1] / step_mm), len(points)) + 1)
    return np.column_stack([np.interp(at, along, closed[:, k]) for k in (0, 1)])


def _redistance(field: FloatArray, spacing_mm: float) -> NDArray[np.float32]:
    """Make a level set's values true distances to its zero level, good to a fraction of a voxel."""
    gradient = np.array(np.gradient(field, spacing_mm))
    steepness = np.maximum(np.linalg.norm(gradient, axis=0), 1e-3)
    near = np.clip(field / steepness, -1.5 * spacing_mm, 1.5 * spacing_mm)
    inside = field < 0
    band = np.zeros(field.shape, dtype=bool)
    for axis in range(3):
        flips = np.diff(inside, axis=axis)
        lower = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        upper = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        band[lower] |= flips
        band[upper] |= flips
    foot_mm = np.indices(field.shape) * spacing_mm - gradient / steepness * near
    nearest = distance_transform_edt(~band, return_distances=False, return_indices=True)
    offset = np.indices(field.shape) * spacing_mm - foot_mm[(slice(None), *nearest)]
    distance = np.linalg.norm(offset, axis=0)
    distance = np.where(band, np.abs(near), distance)
    return np.asarray(np.where(inside, -distance, distance), dtype=np.float32)
