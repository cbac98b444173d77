"""Bring a body that was made once onto the grid of a scan, as it lies and breathes on that scan.

Grids are axial, and the motion of a place is a sum of what its column, its row and its slice add to
it. So the place of every voxel in the source costs one addition an axis, and what is air all along
a row is not looked up at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from nodulus.app.data.phantom.motion import Motion
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float64]
Values = NDArray[np.float32] | NDArray[np.uint8]

_SLAB, _ROWS = 8, 32
_DECIMALS = 9
"""Of an index: 2.9999999999 is the third voxel, and -1e-14 is not outside."""


def resampled(
    volumes: Sequence[tuple[Values, float]],
    geometry: Geometry,
    target: Geometry,
    motion: Motion | None,
) -> list[NDArray[np.float32]]:
    """Bring volumes of the first scan onto a grid, moved (linear).

    Thick slices are averaged over several thin ones, as a scanner would.

    Args:
        volumes: each of shape (I, R, C), with its value beyond the volume.
        geometry: of all of them, an axial grid in anatomy mm.
        target: the grid, axial, anatomy mm.
        motion: of the scan on that grid; None for none.

    Returns:
        For each volume one of the grid's shape.
    """
    if motion is None and _same(geometry, target):
        return [values.astype(np.float32) for values, _ in volumes]
    count = max(1, round(target.spacing_irc_mm[0] / geometry.spacing_irc_mm[0]))
    parts = (np.arange(count) - (count - 1) / 2.0) / count
    if motion is None:
        return [_unmoved(values, outside, geometry, target, parts) for values, outside in volumes]
    extents = [_extents(values, outside) for values, outside in volumes]
    made = [np.zeros(target.shape_irc, dtype=np.float32) for _ in volumes]
    for block, across, along in _blocks(geometry, target, motion, parts):
        for (values, outside), extent, out in zip(volumes, extents, made, strict=True):
            columns = _columns(extent, across, along)
            seen = np.full(out[block].shape, outside, dtype=np.float32)
            if columns.stop > columns.start:
                index = across[:, :, :, None] + along[:, None, None, columns]
                seen[:, :, columns] = map_coordinates(
                    values,
                    np.round(index, _DECIMALS, out=index),
                    output=np.float32,
                    order=1,
                    mode="constant",
                    cval=outside,
                )
            out[block] += seen / np.float32(count)
    return made


def _same(one: Geometry, other: Geometry) -> bool:
    return one.shape_irc == other.shape_irc and np.allclose(
        one.affine_lps, other.affine_lps, atol=1e-6
    )


def _blocks(
    geometry: Geometry, target: Geometry, motion: Motion, parts: FloatArray
) -> Iterator[tuple[tuple[slice, slice], FloatArray, FloatArray]]:
    """Blocks (slices, rows) of the target, each with where its voxels lie in the source.

    Yields:
        The block; indices in the source by slice and row, shape (3, i, r), to which those by
        column, shape (3, C), are added. Once for each part of a slice.
    """
    origin, spacing = target.affine_lps[:3, 3], target.spacing_irc_mm
    xs = origin[0] + np.arange(target.shape_irc[2]) * spacing[2]
    to_index = np.linalg.inv(geometry.affine_lps)
    for first in range(0, target.shape_irc[0], _SLAB):
        slices = slice(first, min(first + _SLAB, target.shape_irc[0]))
        for row in range(0, target.shape_irc[1], _ROWS):
            rows = slice(row, min(row + _ROWS, target.shape_irc[1]))
            ys = origin[1] + np.arange(rows.start, rows.stop) * spacing[1]
            for part in parts:
                zs = origin[2] + (np.arange(slices.start, slices.stop) + part) * spacing[0]
                along, across = motion.to_first_on_grid(xs, ys, zs)
                yield (
                    (slices, rows),
                    np.moveaxis(across @ to_index[:3, :3].T + to_index[:3, 3], -1, 0),
                    np.moveaxis(along @ to_index[:3, :3].T, -1, 0),
                )


def _unmoved(
    values: Values, outside: float, geometry: Geometry, target: Geometry, parts: FloatArray
) -> NDArray[np.float32]:
    """One volume on another grid of the same axes, axis by axis."""
    origins = [grid.affine_lps[:3, 3][::-1] for grid in (geometry, target)]
    starts = (origins[1] - origins[0]) / geometry.spacing_irc_mm
    steps = np.array(target.spacing_irc_mm) / geometry.spacing_irc_mm
    rows, columns = (starts[a] + np.arange(target.shape_irc[a]) * steps[a] for a in (1, 2))
    out = np.zeros(target.shape_irc, dtype=np.float32)
    for n in range(len(out)):
        for part in parts:
            plane = _linear(values, starts[0] + (np.array([n]) + part) * steps[0], 0, outside)
            plane = _linear(plane, rows, 1, outside)
            plane = _linear(plane, columns, 2, outside)
            out[n] += plane[0].astype(np.float32) / np.float32(len(parts))
    return out


def _linear(
    values: NDArray[np.generic], index: FloatArray, axis: int, outside: float
) -> NDArray[np.float64]:
    """Values at fractional indices along one axis."""
    index = np.round(index, _DECIMALS)
    last = values.shape[axis] - 1
    low = np.clip(np.floor(index).astype(int), 0, max(last - 1, 0))
    shape = [-1 if a == axis else 1 for a in range(values.ndim)]
    share = np.clip(index - low, 0.0, 1.0).reshape(shape)
    near: NDArray[np.float64] = np.take(values, low, axis).astype(np.float64)
    if np.any(share > 0):
        near += (np.take(values, np.minimum(low + 1, last), axis) - near) * share
    near[((index < 0) | (index > last)).reshape(shape) & np.ones(near.shape, bool)] = outside
    return near


def _extents(values: Values, outside: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last column of each row that is not as beyond the volume, shape (I, R)."""
    used = values != outside
    columns = used.shape[2]
    any_used = used.any(axis=2)
    first = np.where(any_used, used.argmax(axis=2), columns)
    last = np.where(any_used, columns - 1 - used[:, :, ::-1].argmax(axis=2), -1)
    return first, last


def _columns(
    extent: tuple[NDArray[np.intp], NDArray[np.intp]], across: FloatArray, along: FloatArray
) -> slice:
    """The columns of a block beside which there is nothing of the source."""
    low = np.floor(across[:2].min(axis=(1, 2)) + along[:2].min(axis=1)).astype(int)
    high = np.ceil(across[:2].max(axis=(1, 2)) + along[:2].max(axis=1)).astype(int) + 1
    low, high = np.maximum(low, 0), np.maximum(high, 0)
    box = slice(low[0], high[0]), slice(low[1], high[1])
    first, last = (side[box] for side in extent)
    if first.size == 0 or last.max() < 0:
        return slice(0, 0)
    may = (along[2] + across[2].max() > first.min() - 1) & (
        along[2] + across[2].min() < last.max() + 1
    )
    found = np.flatnonzero(may)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)
