"""Paint tubes into a volume, piece by piece in small boxes, with partial volume."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float64]
Painter = Callable[[tuple[slice, slice, slice], NDArray[np.float32]], None]


def paint_tubes(
    geometry: Geometry,
    start_xyz: FloatArray,
    end_xyz: FloatArray,
    start_radius_mm: FloatArray,
    end_radius_mm: FloatArray,
    paint: Painter,
) -> None:
    """Call ``paint(box, covered)`` for every piece.

    ``covered`` is the part of each voxel of the box that lies in the piece, 0 to 1. A tube
    thinner than a voxel is drawn one voxel wide and fainter, so that its mass stays right.

    Args:
        geometry: an axial grid (its axes along x, y, z) in the space of the points.
        start_xyz: where the pieces begin, shape (n, 3), mm.
        end_xyz: where they end, shape (n, 3).
        start_radius_mm: shape (n,).
        end_radius_mm: shape (n,).
        paint: takes a box (I, R, C slices) and the coverage in it.
    """
    spacing = np.array(geometry.spacing_irc_mm)
    origin = geometry.affine_lps[:3, 3][::-1]
    shape = np.array(geometry.shape_irc)
    pixel = float(spacing[1])
    a, b = start_xyz[:, ::-1], end_xyz[:, ::-1]
    margin = np.maximum(start_radius_mm, end_radius_mm)[:, None] + 1.2 * pixel
    low = np.ceil((np.minimum(a, b) - margin - origin) / spacing).astype(int)
    high = np.floor((np.maximum(a, b) + margin - origin) / spacing).astype(int) + 1
    low, high = np.clip(low, 0, shape), np.clip(high, 0, shape)
    floor = 0.5 * pixel
    # A soft edge one pixel wide adds pixel^2 / 12 to the square of a disc's radius.
    surplus = pixel**2 / 12.0
    thinnest = float(np.sqrt(floor**2 + surplus))
    for n in np.nonzero(np.all(high > low, axis=1))[0]:
        (i0, r0, c0), (i1, r1, c1) = low[n], high[n]
        start = a[n]
        axis = b[n] - start
        pz = (origin[0] + np.arange(i0, i1) * spacing[0] - start[0]).astype(np.float32)
        py = (origin[1] + np.arange(r0, r1) * spacing[1] - start[1]).astype(np.float32)
        px = (origin[2] + np.arange(c0, c1) * spacing[2] - start[2]).astype(np.float32)
        pz, py, px = pz[:, None, None], py[None, :, None], px[None, None, :]
        inverse = 1.0 / max(float(axis @ axis), 1e-6)
        t = pz * np.float32(axis[0] * inverse) + py * np.float32(axis[1] * inverse)
        t = t + px * np.float32(axis[2] * inverse)
        np.clip(t, 0, 1, out=t)
        square = (pz - t * np.float32(axis[0])) ** 2
        square += (py - t * np.float32(axis[1])) ** 2
        square += (px - t * np.float32(axis[2])) ** 2
        radius = max(float(start_radius_mm[n] + end_radius_mm[n]) / 2, 1e-3)
        drawn = float(np.sqrt(radius**2 - surplus)) if radius > thinnest else floor
        taper = np.float32((end_radius_mm[n] - start_radius_mm[n]) * drawn / radius)
        edge = np.float32(max(start_radius_mm[n] * drawn / radius, floor)) + t * taper
        covered = np.clip(0.5 + (edge - np.sqrt(square)) / pixel, 0, 1)
        if radius < thinnest:
            covered *= np.float32((radius / thinnest) ** 2)
        if covered.any():
            box = (slice(i0, i1), slice(r0, r1), slice(c0, c1))
            paint(box, np.asarray(covered, dtype=np.float32))
