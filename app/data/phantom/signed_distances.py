"""Signed distances of a few solids, evaluated in boxes of a coarse grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nodulus.app.data.phantom.grid import CoarseGrid, Field, smooth_min

FAR_MM = 30.0


def far_field(grid: CoarseGrid) -> Field:
    """A field that is outside of everything."""
    return np.full(grid.shape, FAR_MM, dtype=np.float32)


def add_tube(
    field: Field,
    grid: CoarseGrid,
    points_xyz: Sequence[ArrayLike],
    radii_mm: Sequence[float],
    blend_mm: float = 0.0,
) -> None:
    """Unite a field with a tube along a polyline whose radius runs linearly between points."""
    points = np.asarray(points_xyz, dtype=np.float64)
    for a, b, ra, rb in zip(points[:-1], points[1:], radii_mm[:-1], radii_mm[1:], strict=True):
        margin = max(ra, rb) + FAR_MM * 0.7
        box = grid.box(np.minimum(a, b) - margin, np.maximum(a, b) + margin)
        x, y, z = (w[box] for w in grid.warped)
        axis = (b - a).astype(np.float32)
        length2 = max(float(axis @ axis), 1e-6)
        px, py, pz = x - np.float32(a[0]), y - np.float32(a[1]), z - np.float32(a[2])
        t = np.clip((px * axis[0] + py * axis[1] + pz * axis[2]) / length2, 0, 1)
        distance = np.sqrt(
            (px - t * axis[0]) ** 2 + (py - t * axis[1]) ** 2 + (pz - t * axis[2]) ** 2
        )
        distance = distance - (ra + t * (rb - ra))
        _unite(field, box, distance.astype(np.float32), blend_mm)


def add_ellipsoid(
    field: Field,
    grid: CoarseGrid,
    center_xyz: ArrayLike,
    radii_xyz: ArrayLike,
    axes: ArrayLike | None = None,
    blend_mm: float = 0.0,
) -> None:
    """Unite a field with an ellipsoid; ``axes`` has its unit axes as rows (default x, y, z).

    The distance is the radial one: exact on the surface, good near it.
    """
    center = np.asarray(center_xyz, dtype=np.float32)
    radii = np.asarray(radii_xyz, dtype=np.float32)
    rotation = np.eye(3, dtype=np.float32) if axes is None else np.asarray(axes, dtype=np.float32)
    margin = float(radii.max()) + FAR_MM * 0.7
    box = grid.box(center.astype(np.float64) - margin, center.astype(np.float64) + margin)
    offset = [w[box] - c for w, c in zip(grid.warped, center, strict=True)]
    square = np.zeros(offset[0].shape, dtype=np.float32)
    for row, radius in zip(rotation, radii, strict=True):
        square += ((offset[0] * row[0] + offset[1] * row[1] + offset[2] * row[2]) / radius) ** 2
    ratio = np.sqrt(square) + 1e-4
    length = np.sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
    # The centre itself has no direction: give it the smallest radius as depth.
    distance = np.maximum((ratio - 1.0) * length / ratio, -float(radii.min()))
    _unite(field, box, distance.astype(np.float32), blend_mm)


def _unite(field: Field, box: tuple[slice, ...], distance: Field, blend_mm: float) -> None:
    if blend_mm > 0:
        field[box] = smooth_min(field[box], distance, blend_mm)
    else:
        field[box] = np.minimum(field[box], distance)


def tilted_axes(direction_xyz: ArrayLike) -> Field:
    """Three orthonormal rows, the first along a direction."""
    first = np.asarray(direction_xyz, dtype=np.float64)
    first = first / np.linalg.norm(first)
    helper = np.array([0.0, 0.0, 1.0]) if abs(first[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    second = np.cross(helper, first)
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)]).astype(np.float32)
