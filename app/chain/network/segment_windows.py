"""Segmentation by networks that want inputs of one size: windows, blended where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.progress import Progress
from nodulus.transforms.blocks import Box


def segment_windows(
    shape: Sequence[int],
    windows: Sequence[Box],
    cut: Callable[[Box], torch.Tensor],
    network: torch.nn.Module,
    *,
    weights: torch.Tensor | None,
    batch: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel of the windows.

    Args:
        shape: of the volume.
        windows: what the network answers for, all of one shape, within the volume.
        cut: gives the network's input for a window, scaled as it wants it.
        network: gives one logit for each voxel of a window, in any shape.
        weights: shape of a window: of overlapping windows' probabilities the weighted mean is
            taken (as nnU-Net does: Isensee et al., Nature Methods 18, 2021). None where windows
            do not overlap.
        batch: windows in one forward pass.
        device: where the network is.
        progress: called with (windows done, windows in all).

    Returns:
        float32, of the shape; 0 where no window was.
    """
    total = torch.zeros(*shape)
    weight = None if weights is None else torch.zeros(*shape)
    with torch.inference_mode():
        for first in range(0, len(windows), batch):
            chosen = windows[first : first + batch]
            inputs = torch.stack([cut(window) for window in chosen]).to(device)
            probabilities = torch.sigmoid(network(inputs).float()).cpu()
            for window, one in zip(chosen, probabilities, strict=True):
                place = total[window]
                if weights is None or weight is None:
                    place.copy_(one.reshape(place.shape))
                else:
                    place.addcmul_(one.reshape(place.shape), weights)
                    weight[window] += weights
            if progress is not None:
                progress(min(first + batch, len(windows)), len(windows))
    return np.asarray((total if weight is None else total.div_(weight.clamp_(min=1e-6))).numpy())


def windows_over(shape: Sequence[int], size: Sequence[int], overlap: float) -> list[Box]:
    """Windows that cover a volume evenly.

    Args:
        shape: of the volume, nowhere less than ``size``.
        size: edge lengths of a window.
        overlap: share of an edge that neighbours have in common at least.
    """
    starts = product(*(_starts(n, edge, overlap) for n, edge in zip(shape, size, strict=True)))
    edges = [int(edge) for edge in size]
    return [
        (slice(x, x + edges[0]), slice(y, y + edges[1]), slice(z, z + edges[2]))
        for x, y, z in starts
    ]


def _starts(size: int, edge: int, overlap: float) -> list[int]:
    if size <= edge:
        return [0]
    count = int(np.ceil((size - edge) / (edge * (1.0 - overlap)))) + 1
    return sorted({round(s) for s in np.linspace(0, size - edge, count)})


def gaussian_weights(size: Sequence[int], sigma: float = 0.125) -> torch.Tensor:
    """Separable Gaussian, sigma as a share of each edge, 1 in the middle and never 0."""
    result = torch.ones(1)
    for n in size:
        x = (torch.arange(n) - (n - 1) / 2) / (sigma * n)
        result = result[..., None] * torch.exp(-0.5 * x**2)
    return result[0].clamp(min=1e-3)
