"""Sliding-window segmentation inside the lungs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

Progress = Callable[[int, int], None]


def segment(
    image: torch.Tensor,
    lungs: NDArray[np.bool_],
    network: torch.nn.Module,
    *,
    roi_size: Sequence[int],
    overlap: float,
    batch: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel; patches without any lung are not looked at.

    Overlapping patches are blended with a Gaussian weight (as in nnU-Net, Isensee et al.,
    Nature Methods 2021, and MONAI's ``sliding_window_inference``), sigmoids being averaged.

    Args:
        image: shape (1, X, Y, Z), scaled as the network wants it.
        lungs: bool, shape (X, Y, Z).
        network: gives one logit per voxel.
        roi_size: edge lengths of a patch; each a multiple of the network's total stride.
        overlap: share of a patch's edge that neighbours have in common.
        batch: patches in one forward pass.
        device: where the network is.
        progress: called with (patches done, patches in all).

    Returns:
        float32, shape (X, Y, Z); 0 where no patch was.
    """
    shape = image.shape[1:]
    padded = [max(n, r) for n, r in zip(shape, roi_size, strict=True)]
    pads: list[int] = []
    for n, p in reversed(list(zip(shape, padded, strict=True))):
        pads += [0, p - n]
    source = torch.nn.functional.pad(image, pads) if any(pads) else image
    starts = [
        start
        for start in product(
            *(_starts(p, r, overlap) for p, r in zip(padded, roi_size, strict=True))
        )
        if lungs[_box(start, roi_size)].any()
    ]
    total = torch.zeros(padded)
    weight = torch.zeros(padded)
    gaussian = _gaussian(roi_size)
    with torch.inference_mode():
        for first in range(0, len(starts), batch):
            chosen = starts[first : first + batch]
            patches = torch.stack([source[(slice(None), *_box(s, roi_size))] for s in chosen])
            result = torch.sigmoid(network(patches.to(device)).float()).cpu()
            for start, one in zip(chosen, result, strict=True):
                total[_box(start, roi_size)].addcmul_(one[0], gaussian)
                weight[_box(start, roi_size)] += gaussian
            if progress is not None:
                progress(min(first + batch, len(starts)), len(starts))
    blended = total.div_(weight.clamp_(min=1e-6))
    x, y, z = shape
    return np.asarray(blended[:x, :y, :z].numpy())


def _starts(size: int, roi: int, overlap: float) -> list[int]:
    """Starts that cover an axis evenly with at least the wanted overlap."""
    if size <= roi:
        return [0]
    count = int(np.ceil((size - roi) / (roi * (1.0 - overlap)))) + 1
    return sorted({round(s) for s in np.linspace(0, size - roi, count)})


def _box(start: Sequence[int], size: Sequence[int]) -> tuple[slice, slice, slice]:
    x, y, z = (slice(a, a + n) for a, n in zip(start, size, strict=True))
    return x, y, z


def _gaussian(size: Sequence[int], sigma: float = 0.125) -> torch.Tensor:
    """Separable Gaussian, sigma as a share of each edge, 1 in the middle and never 0."""
    result = torch.ones(1)
    for n in size:
        x = (torch.arange(n) - (n - 1) / 2) / (sigma * n)
        result = result[..., None] * torch.exp(-0.5 * x**2)
    return result[0].clamp(min=1e-3)
