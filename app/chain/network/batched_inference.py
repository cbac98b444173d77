"""A classifier's network on many points, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.progress import Progress

Point = TypeVar("Point")


def classify(
    points: Sequence[Point],
    cut: Callable[[Point], torch.Tensor],
    network: torch.nn.Module,
    *,
    batch: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Probability for each point.

    Args:
        points: whatever ``cut`` takes.
        cut: gives the network's input for a point, shape (1, X, Y, Z), scaled as it wants it.
        network: gives one logit for each input, or those of 'no' and 'yes'.
        batch: inputs in one forward pass.
        device: where the network is.
        progress: called with (points done, points in all).

    Returns:
        float64, shape (points,).
    """
    found: list[NDArray[np.float64]] = []
    with torch.inference_mode():
        for first in range(0, len(points), batch):
            inputs = torch.stack([cut(p) for p in points[first : first + batch]])
            found.append(probabilities(network(inputs.to(device))).cpu().double().numpy())
            if progress is not None:
                progress(min(first + batch, len(points)), len(points))
    return np.concatenate(found) if found else np.zeros(0)


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Of 'yes', shape (B,), from one logit each, (B,) or (B, 1), or from two classes', (B, 2)."""
    if logits.ndim == 2 and logits.shape[1] == 2:
        return torch.softmax(logits.float(), dim=1)[:, 1]
    return torch.sigmoid(logits.float().reshape(-1))
