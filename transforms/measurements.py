"""Size and density of one nodule from its mask.

Diameters follow the reading room's custom (Fleischner Society, Bankier et al., Radiology 2017):
the longest diameter on any axial slice, and the longest one at right angles to it on the same
slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from skimage.measure import find_contours

from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lungs import axial_axis

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Diameters:
    """Two diameters of one axial slice, with their ends in LPS mm."""

    longest_mm: float
    longest_ends_lps_mm: tuple[Point, Point]
    perpendicular_mm: float
    perpendicular_ends_lps_mm: tuple[Point, Point]

    @property
    def mean_mm(self) -> float:
        """Of both: what Fleischner's guideline goes by."""
        return (self.longest_mm + self.perpendicular_mm) / 2.0


@dataclass(frozen=True)
class Measurements:
    """What is reported about one nodule.

    Args:
        voxel_count: voxels of the mask.
        volume_mm3: voxels times voxel volume.
        equivalent_diameter_mm: of the sphere of that volume.
        diameters: longest axial diameter and its perpendicular.
        mean_hu: mean over the mask.
        sd_hu: standard deviation over the mask.
        center_lps_mm: centre of mass of the mask.
    """

    voxel_count: int
    volume_mm3: float
    equivalent_diameter_mm: float
    diameters: Diameters
    mean_hu: float
    sd_hu: float
    center_lps_mm: Point


def measure(hu: NDArray[Any], mask: NDArray[np.bool_], geometry: Geometry) -> Measurements:
    """Measure one nodule.

    Args:
        hu: shape (I, R, C); a box around the nodule is enough.
        mask: bool, same shape, at least one voxel.
        geometry: of that box.

    Returns:
        The measurements.

    Raises:
        ValueError: the mask is empty or shapes differ.
    """
    if hu.shape != mask.shape or tuple(mask.shape) != geometry.shape_irc:
        raise ValueError(f"shapes differ: {hu.shape}, {mask.shape}, {geometry.shape_irc}")
    count = int(mask.sum())
    if count == 0:
        raise ValueError("the mask is empty")
    values = hu[mask].astype(np.float64)
    volume = count * geometry.voxel_volume_mm3
    x, y, z = (float(v) for v in geometry.index_to_lps(np.argwhere(mask).mean(axis=0)))
    return Measurements(
        voxel_count=count,
        volume_mm3=volume,
        equivalent_diameter_mm=equivalent_diameter_mm(volume),
        diameters=axial_diameters(mask, geometry),
        mean_hu=float(values.mean()),
        sd_hu=float(values.std()),
        center_lps_mm=(x, y, z),
    )


def axial_diameters(mask: NDArray[np.bool_], geometry: Geometry) -> Diameters:
    """The longest diameter over all axial slices and its perpendicular.

    Outlines run half-way between a voxel inside and its neighbour outside. In a volume with
    other than axial slices, the grid planes nearest to axial are used.

    Args:
        mask: shape (I, R, C), at least one voxel.
        geometry: of ``mask``.
    """
    axis = axial_axis(geometry)
    best: tuple[float, NDArray[np.float64]] | None = None
    for number in np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))):
        plane = np.pad(np.take(mask, int(number), axis=axis), 1).astype(np.float32)
        outline = np.concatenate(find_contours(plane, 0.5)) - 1.0
        index = np.insert(outline, axis, float(number), axis=1)
        points = geometry.index_to_lps(index)
        hull = _hull(points)
        distance = np.linalg.norm(hull[:, None] - hull[None], axis=-1)
        longest = float(distance.max())
        if best is None or longest > best[0]:
            best = longest, hull
    if best is None:
        raise ValueError("the mask is empty")
    longest, hull = best
    distance = np.linalg.norm(hull[:, None] - hull[None], axis=-1)
    first, second = np.unravel_index(int(distance.argmax()), distance.shape)
    ends = hull[first], hull[second]
    a, b, width = _perpendicular(hull, *ends)
    return Diameters(longest, (_point(ends[0]), _point(ends[1])), width, (_point(a), _point(b)))


def _point(value: NDArray[np.float64]) -> Point:
    x, y, z = (float(v) for v in value)
    return x, y, z


def _plane_axes(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and two unit vectors (2, 3) of the plane that the points lie in."""
    center = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - center, full_matrices=False)
    return center, axes[:2]


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of the convex hull of coplanar points, in order, shape (n, 3)."""
    center, axes = _plane_axes(points)
    try:
        corners = ConvexHull((points - center) @ axes.T).vertices
    except QhullError:  # a line of points: it is its own hull
        return points
    return np.asarray(points[corners])


def _perpendicular(
    hull: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The longest chord of a convex polygon at right angles to start-end.

    The chord's length along a convex polygon is piecewise linear, so that the longest one goes
    through a corner.
    """
    length = np.linalg.norm(end - start)
    _, axes = _plane_axes(hull)
    along3 = (end - start) / length
    across3 = np.cross(np.cross(axes[0], axes[1]), along3)
    u, v = (hull - start) @ along3, (hull - start) @ across3
    best = start, start, 0.0
    for position in u:
        crossing = []
        for j in range(len(u)):
            k = (j + 1) % len(u)
            low, high = min(u[j], u[k]), max(u[j], u[k])
            if not low <= position <= high:
                continue
            if high - low < 1e-9:
                crossing += [v[j], v[k]]
            else:
                crossing.append(v[j] + (v[k] - v[j]) * (position - u[j]) / (u[k] - u[j]))
        if crossing and max(crossing) - min(crossing) > best[2]:
            foot = start + position * along3
            best = (
                foot + min(crossing) * across3,
                foot + max(crossing) * across3,
                float(max(crossing) - min(crossing)),
            )
    return best
