"""Separable, antialiased resampling along the axes of a grid.

MONAI's ``Spacing`` samples without a low-pass filter: going from 0.6 mm to 1 mm pixels it keeps
the noise of a few pixels and throws the rest away. Here a finer grid interpolates linearly, and a
coarser one averages that interpolation over a box, so that noise falls and edges do not alias.
Both give a linear function of place back exactly: nothing moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from monai.utils import ensure_tuple_rep
from numpy.typing import ArrayLike, NDArray

Mode = Literal["linear", "nearest"]

_BAND = 32
"""New voxels that are computed by one matrix."""


def output_size(size: int, spacing_mm: float, new_spacing_mm: float) -> int:
    """Number of voxels of the new spacing that cover ``size`` voxels of the old one, at least 1."""
    return max(1, round(size * spacing_mm / new_spacing_mm))


def _taps(
    size: int, new_size: int, step: float, mode: Mode
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Input indices and weights, each of shape (new_size, taps); ``step`` in input voxels."""
    position = (np.arange(new_size) + 0.5) * step - 0.5
    if mode == "nearest":
        nearest = np.clip(np.floor(position + 0.5), 0, size - 1).astype(np.int64)
        return nearest[:, None], np.ones((new_size, 1), np.float32)
    # Wide enough to average what a coarser grid merges, and nothing where it does not.
    width = float(np.sqrt(max(step**2 - 1.0, 0.0)))
    reach = 1.0 + width / 2
    first = np.floor(position - reach).astype(np.int64) + 1
    index = first[:, None] + np.arange(int(np.ceil(2 * reach)))
    offset = position[:, None] - index
    if width < 1e-3:
        weight = np.clip(1.0 - np.abs(offset), 0.0, None)
    else:
        weight = (_hat_integral(offset + width / 2) - _hat_integral(offset - width / 2)) / width
    return np.clip(index, 0, size - 1), weight.astype(np.float32)


def _hat_integral(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral up to x of linear interpolation's kernel, the hat max(0, 1 - |x|)."""
    x = np.clip(x, -1.0, 1.0)
    return np.where(x < 0, (x + 1.0) ** 2 / 2, 1.0 - (1.0 - x) ** 2 / 2)


def resample_axis(
    image: torch.Tensor, axis: int, step: float, new_size: int, mode: Mode
) -> torch.Tensor:
    """Resample one axis.

    Args:
        image: any shape.
        axis: the axis to resample.
        step: new voxel size in old voxels; the outer edges of the two grids' first voxels coincide.
        new_size: length of the axis afterwards.
        mode: ``linear`` (float result, antialiased) or ``nearest`` (labels; type kept).
    """
    if step == 1.0 and new_size == image.shape[axis]:
        return image
    index, weight = _taps(image.shape[axis], new_size, step, mode)
    if mode == "nearest":
        return image.index_select(axis, torch.from_numpy(index[:, 0]).to(image.device))
    return _multiply(_bands(index, weight), image, axis)


@dataclass(frozen=True)
class _Band:
    """Some neighbouring voxels of the new grid, and what of the old one they are made of.

    Args:
        first: the first of them.
        source: the first old voxel.
        matrix: shape (new voxels, old voxels), float32.
    """

    first: int
    source: int
    matrix: torch.Tensor


def _bands(index: NDArray[np.int64], weight: NDArray[np.float32]) -> list[_Band]:
    """The matrix from old to new voxels along its diagonal: the rest of it is zeros."""
    bands = []
    for first in range(0, len(index), _BAND):
        near, weights = index[first : first + _BAND], weight[first : first + _BAND]
        source = int(near.min())
        matrix = torch.zeros(len(near), int(near.max()) + 1 - source)
        rows = torch.arange(len(near))[:, None]
        taps = torch.from_numpy(near - source), torch.from_numpy(weights)
        matrix.index_put_((rows, taps[0]), taps[1], accumulate=True)
        bands.append(_Band(first, source, matrix))
    return bands


def _multiply(bands: Sequence[_Band], image: torch.Tensor, axis: int) -> torch.Tensor:
    """Each line along ``axis`` times the bands, float32; the order in memory stays.

    Slab by slab, so that no second float copy of a whole volume is made.
    """
    strides = image.stride()
    order = sorted(range(image.ndim), key=lambda a: (-strides[a], a))
    source = image.permute(order)
    place = order.index(axis)
    size = sum(len(band.matrix) for band in bands)
    result = source.new_empty(
        [size if k == place else n for k, n in enumerate(source.shape)], dtype=torch.float32
    )
    slabs = min((k for k in range(image.ndim) if k != place and source.shape[k] > 1), default=None)
    step = (
        source.shape[0] if slabs is None else max(1, 2**20 * source.shape[slabs] // image.numel())
    )
    for first in range(0, 1 if slabs is None else source.shape[slabs], step):
        part, target = source, result
        if slabs is not None:
            count = min(step, source.shape[slabs] - first)
            part, target = (t.narrow(slabs, first, count) for t in (source, result))
        lines = part.float()
        for band in bands:
            matrix = band.matrix.to(image.device)
            old = lines.narrow(place, band.source, matrix.shape[1])
            new = target.narrow(place, band.first, matrix.shape[0])
            if place == image.ndim - 1:
                new.copy_(old @ matrix.T)
            else:
                new.copy_(torch.matmul(matrix, old.flatten(place + 1)).reshape(new.shape))
    return result.permute([order.index(a) for a in range(image.ndim)])


def resample_to_spacing(
    image: torch.Tensor,
    affine: ArrayLike,
    spacing_mm: float | Sequence[float],
    mode: Mode = "linear",
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Resample a volume to a spacing, keeping the outer edge of its first voxel where it was.

    Args:
        image: shape (channels, *spatial), three spatial axes.
        affine: 4x4 matrix from index to mm in any space; its axes should be orthogonal.
        spacing_mm: the new distance between voxels along each axis.
        mode: ``linear`` or ``nearest``.

    Returns:
        The new image (float32 for ``linear``) and its affine.
    """
    old = np.asarray(affine, dtype=np.float64)
    spacing = np.linalg.norm(old[:3, :3], axis=0)
    target = np.asarray(ensure_tuple_rep(spacing_mm, 3), dtype=np.float64)
    step = target / spacing
    sizes = [output_size(n, s, t) for n, s, t in zip(image.shape[1:], spacing, target, strict=True)]
    new = old.copy()
    new[:3, :3] = old[:3, :3] * step
    new[:3, 3] = old[:3, :3] @ (0.5 * step - 0.5) + old[:3, 3]
    # The axis that shrinks most first: the others then have less to do.
    *earlier, last = (int(axis) for axis in np.argsort(-step))

    def resampled(part: torch.Tensor, axes: Sequence[int]) -> torch.Tensor:
        for axis in axes:
            part = resample_axis(part, axis + 1, float(step[axis]), sizes[axis], mode)
        return part

    if mode == "nearest":
        return resampled(image, [*earlier, last]), new
    if step[last] == 1.0 and sizes[last] == image.shape[last + 1]:
        return resampled(image, earlier).float().contiguous(), new
    result = torch.empty((image.shape[0], *sizes), dtype=torch.float32, device=image.device)
    # Band by band along the last axis: what the first two leave is never there as a whole.
    for band in _bands(*_taps(image.shape[last + 1], sizes[last], float(step[last]), mode)):
        part = image.narrow(last + 1, band.source, band.matrix.shape[1])
        whole = _Band(0, 0, band.matrix)
        lines = _multiply([whole], resampled(part, earlier), last + 1)
        result.narrow(last + 1, band.first, len(band.matrix)).copy_(lines)
    return result, new
