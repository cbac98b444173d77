"""Classifiers on cubes around points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from transforms.patches import crop_cube

Progress = Callable[[int, int], None]


def classify(
    image: torch.Tensor,
    centers_index: Sequence[ArrayLike],
    network: torch.nn.Module,
    *,
    crop_size: Sequence[int],
    batch: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Probability for each point.

    Args:
        image: shape (1, X, Y, Z), scaled as the network wants it; 0 (air) beyond its edges.
        centers_index: fractional voxel indices of that image.
        network: gives one logit for a cube of shape (1, *crop_size).
        crop_size: edge lengths of a cube.
        batch: cubes in one forward pass.
        device: where the network is.
        progress: called with (points done, points in all).

    Returns:
        float64, shape (points,).
    """
    found: list[NDArray[np.float64]] = []
    with torch.inference_mode():
        for first in range(0, len(centers_index), batch):
            chosen = centers_index[first : first + batch]
            cubes = torch.stack([crop_cube(image, c, crop_size, 0.0) for c in chosen])
            logits = network(cubes.to(device)).float().reshape(-1)
            found.append(torch.sigmoid(logits).cpu().double().numpy())
            if progress is not None:
                progress(min(first + batch, len(centers_index)), len(centers_index))
    return np.concatenate(found) if found else np.zeros(0)
