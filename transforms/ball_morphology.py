"""Dilation and erosion of masks by a ball, by shifts of whole rows of voxels instead of distances.

A ball is a pile of lines along the last axis. The mask is dilated along that axis by each of their
lengths, a bit a voxel, and then shifted along the other two: eight voxels to a byte, and the
arrays stay in the processor's cache. The result is that of an exact Euclidean distance transform
and a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


def dilate(mask: BoolArray, spacing_mm: Sequence[float], radius_mm: float) -> BoolArray:
    """Voxels whose centres lie within ``radius_mm`` of one of the mask's, the mask included.

    Args:
        mask: shape (X, Y, Z).
        spacing_mm: of the three axes.
        radius_mm: of the ball, its surface included.
    """
    sx, sy, sz = (float(s) for s in spacing_mm)
    nx, ny, nz = mask.shape
    lines = np.array(mask, dtype=bool, order="C")
    result = np.packbits(lines, axis=2)
    reach = 0
    for half, steps in sorted(_lines((sx, sy, sz), radius_mm, (nx, ny)).items()):
        while reach < min(half, nz - 1):
            reach += 1
            lines[:, :, reach:] |= mask[:, :, :-reach]
            lines[:, :, :-reach] |= mask[:, :, reach:]
        packed = np.packbits(lines, axis=2)
        for i, j in steps:
            to, source = _overlap(i, nx), _overlap(-i, nx)
            result[to, _overlap(j, ny)] |= packed[source, _overlap(-j, ny)]
    return np.unpackbits(result, axis=2, count=nz).view(bool)


def erode(mask: BoolArray, spacing_mm: Sequence[float], radius_mm: float) -> BoolArray:
    """Voxels of the mask with none outside it within ``radius_mm``; the edge does not shrink it.

    Args:
        mask: shape (X, Y, Z).
        spacing_mm: of the three axes.
        radius_mm: of the ball, its surface included.
    """
    return ~dilate(~mask, spacing_mm, radius_mm)


def open_by_cross(mask: BoolArray) -> BoolArray:
    """Opening by a voxel and its six neighbours; what lies beyond the edge counts as outside.

    Args:
        mask: shape (X, Y, Z).
    """
    core = np.zeros_like(mask)
    if min(mask.shape) < 3:
        return core
    inner = (slice(1, -1),) * 3
    core[inner] = mask[inner]
    for axis in range(3):
        for ends in (slice(2, None), slice(None, -2)):
            beside = tuple(ends if a == axis else slice(1, -1) for a in range(3))
            core[inner] &= mask[beside]
    return dilate_by_cross(core)


def dilate_by_cross(mask: BoolArray) -> BoolArray:
    """Dilation by a voxel and its six neighbours; ``mask`` has shape (X, Y, Z)."""
    result = mask.copy()
    for axis in range(3):
        ahead = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        behind = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        result[ahead] |= mask[behind]
        result[behind] |= mask[ahead]
    return result


def bounding_box(mask: BoolArray, pad: Sequence[int] = (0, 0, 0)) -> tuple[slice, slice, slice]:
    """The box of a mask with so many voxels around it, as far as the array goes.

    Args:
        mask: shape (X, Y, Z), at least one voxel.
        pad: voxels along each axis.
    """
    ends = []
    for axis, more in enumerate(pad):
        where = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        ends.append(slice(max(0, int(where[0]) - more), int(where[-1]) + 1 + more))
    return ends[0], ends[1], ends[2]


def _lines(
    spacing_mm: tuple[float, float, float], radius_mm: float, shape: tuple[int, int]
) -> dict[int, list[tuple[int, int]]]:
    """The ball's lines: by half their length in voxels, where they stand on the first two axes."""
    sx, sy, sz = spacing_mm
    x, y = (min(int(radius_mm / s), n - 1) for s, n in zip((sx, sy), shape, strict=True))
    lines: dict[int, list[tuple[int, int]]] = {}
    for i in range(-x, x + 1):
        for j in range(-y, y + 1):
            rest = radius_mm**2 - (i * sx) ** 2 - (j * sy) ** 2
            if rest >= 0.0:
                lines.setdefault(int(np.sqrt(rest) / sz), []).append((i, j))
    return lines


def _overlap(step: int, size: int) -> slice:
    """Where a row of ``size``, shifted by ``step``, still lies in it."""
    return slice(max(0, step), size + min(0, step))
