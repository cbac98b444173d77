"""Cubes cut out of a volume, padded where they reach beyond it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray


def cube_start(center_index: ArrayLike, size: int | Sequence[int]) -> NDArray[np.int_]:
    """The index of the first voxel of :func:`crop_cube`'s box, three whole numbers."""
    shape = np.broadcast_to(np.asarray(size, dtype=int), (3,))
    center = np.floor(np.asarray(center_index, dtype=np.float64) + 0.5).astype(int)
    return np.asarray(center - shape // 2)


def crop_cube(
    volume: torch.Tensor, center_index: ArrayLike, size: int | Sequence[int], fill: float
) -> torch.Tensor:
    """Cut a box whose middle voxel is the voxel nearest to a point.

    Args:
        volume: shape (channels, X, Y, Z).
        center_index: fractional index of the point, three numbers.
        size: edge lengths in voxels; an even edge has its middle at ``size // 2``.
        fill: value of voxels outside the volume.

    Returns:
        A new tensor of shape (channels, *size), of the volume's type.
    """
    shape = np.broadcast_to(np.asarray(size, dtype=int), (3,))
    start = cube_start(center_index, size)
    limits = np.asarray(volume.shape[1:])
    low, high = np.clip(start, 0, limits), np.clip(start + shape, 0, limits)
    cube = volume.new_full((volume.shape[0], *shape.tolist()), fill)
    if np.all(high > low):
        a, b = low - start, high - start
        cube[:, a[0] : b[0], a[1] : b[1], a[2] : b[2]] = volume[
            :, low[0] : high[0], low[1] : high[1], low[2] : high[2]
        ]
    return cube


def crop_within(
    volume: torch.Tensor, center_index: ArrayLike, size: int | Sequence[int], fill: float
) -> torch.Tensor:
    """Cut a box around a point, moved so that it lies within the volume.

    Args:
        volume: shape (channels, X, Y, Z).
        center_index: fractional index of the point, rounded to the nearest voxel (half to even).
        size: edge lengths in voxels.
        fill: value of voxels beyond an axis that is shorter than the box.

    Returns:
        A new tensor of shape (channels, *size), of the volume's type.
    """
    shape = np.broadcast_to(np.asarray(size, dtype=int), (3,))
    start = start_within(volume.shape[1:], center_index, size)
    return crop_cube(volume, start + shape // 2, size, fill)


def start_within(
    limits: Sequence[int], center_index: ArrayLike, size: int | Sequence[int]
) -> NDArray[np.int_]:
    """The index of the first voxel of :func:`crop_within`'s box in a volume of a shape."""
    shape = np.broadcast_to(np.asarray(size, dtype=int), (3,))
    start = np.rint(np.asarray(center_index, dtype=np.float64)).astype(int) - shape // 2
    return np.asarray(np.clip(start, 0, np.maximum(np.asarray(limits) - shape, 0)))


def pad_end(values: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Add zeros at the ends of the axes.

    Args:
        values: shape (channels, X, Y, Z).
        shape: of the three axes; nowhere less than that of ``values``.
    """
    x, y, z = (wanted - n for wanted, n in zip(shape, values.shape[1:], strict=True))
    return torch.nn.functional.pad(values, (0, z, 0, y, 0, x)) if x or y or z else values
