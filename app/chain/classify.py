"""Classifiers on cubes around points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from transforms.patches import crop_cube

Progress = Callable[[int, int], None]

BLEND_VOXELS = 0.1
"""A point this near to the middle between two voxels is looked at from both."""


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
    """Probability for each point, a continuous function of its place.

    A cube lies on whole voxels. Where a point is about as near to one voxel as to the next, a
    trifle would decide between two cubes; both count there, so that the answer does not jump.

    Args:
        image: shape (1, X, Y, Z), scaled as the network wants it; 0 (air) beyond its edges.
        centers_index: fractional voxel indices of that image.
        network: gives one logit for a cube of shape (1, *crop_size).
        crop_size: edge lengths of a cube.
        batch: cubes in one forward pass.
        device: where the network is.
        progress: called with (cubes done, cubes in all).

    Returns:
        float64, shape (points,).
    """
    cubes = [
        (point, voxel, weight)
        for point, center in enumerate(centers_index)
        for voxel, weight in nearest_voxels(center)
    ]
    found = np.zeros(len(centers_index))
    with torch.inference_mode():
        for first in range(0, len(cubes), batch):
            chosen = cubes[first : first + batch]
            inputs = torch.stack([crop_cube(image, c, crop_size, 0.0) for _, c, _ in chosen])
            logits = network(inputs.to(device)).float().reshape(-1)
            probability = torch.sigmoid(logits).cpu().double().numpy()
            for (point, _, weight), p in zip(chosen, probability, strict=True):
                found[point] += weight * p
            if progress is not None:
                progress(min(first + batch, len(cubes)), len(cubes))
    return found


def nearest_voxels(center: ArrayLike) -> list[tuple[tuple[int, ...], float]]:
    """The voxel nearest to a point, or all that are about equally near, with weights of sum 1."""
    choices: list[list[tuple[int, float]]] = []
    for value in np.asarray(center, dtype=np.float64).tolist():
        nearest = int(np.floor(value + 0.5))
        beyond = value - nearest  # -0.5 to 0.5
        share = (abs(beyond) - 0.5 + BLEND_VOXELS) / (2 * BLEND_VOXELS)  # of the next one
        if share <= 0:
            choices.append([(nearest, 1.0)])
        else:
            other = nearest + (1 if beyond > 0 else -1)
            choices.append([(nearest, 1.0 - share), (other, share)])
    return [
        (tuple(v for v, _ in chosen), float(np.prod([w for _, w in chosen])))
        for chosen in product(*choices)
    ]
