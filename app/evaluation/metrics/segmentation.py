"""How well the outline of one nodule was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance
from numpy.typing import NDArray

from nodulus.transforms.ball_morphology import bounding_box

PERCENTILE = 95


@dataclass(frozen=True)
class OutlineMeasures:
    """One nodule's outline against the truth.

    Args:
        dice: overlap, 0 to 1.
        mean_surface_distance_mm: symmetric mean; None where nothing was drawn.
        hausdorff_95_mm: 95th percentile of the distances between the surfaces, the larger of the
            two directions; None where nothing was drawn.
        true_volume_mm3: of the truth.
        volume_error_mm3: drawn minus true.
        relative_volume_error: the same over the true volume.
    """

    dice: float
    mean_surface_distance_mm: float | None
    hausdorff_95_mm: float | None
    true_volume_mm3: float
    volume_error_mm3: float
    relative_volume_error: float


def dice(drawn: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Overlap of two masks of the same shape, 0 to 1; MONAI's."""
    one, two = (torch.as_tensor(m.astype(np.float32))[None, None] for m in (drawn, truth))
    return float(compute_dice(one, two, ignore_empty=False))


def measure_outline(
    drawn: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: Sequence[float]
) -> OutlineMeasures:
    """Measure one nodule; surfaces and overlap are MONAI's.

    Args:
        drawn: bool, shape (X, Y, Z): the outline of this nodule alone.
        truth: same shape, not empty.
        spacing_mm: edge lengths of a voxel along the three axes.

    Raises:
        ValueError: shapes differ or the truth is empty.
    """
    if drawn.shape != truth.shape:
        raise ValueError(f"drawn has shape {drawn.shape}, the truth {truth.shape}")
    if not truth.any():
        raise ValueError("the truth is empty")
    # a voxel more around, so that no surface lies on its edge
    box = bounding_box(drawn | truth, (1, 1, 1))
    one, two = (torch.as_tensor(m[box].astype(np.float32))[None, None] for m in (drawn, truth))
    spacing = [float(s) for s in spacing_mm]
    mean = hausdorff = None
    if drawn.any():
        mean = float(compute_average_surface_distance(one, two, symmetric=True, spacing=spacing))
        hausdorff = float(
            compute_hausdorff_distance(one, two, percentile=PERCENTILE, spacing=spacing)
        )
    voxel_mm3 = float(np.prod(spacing))
    true_volume = int(truth.sum()) * voxel_mm3
    error = int(drawn.sum()) * voxel_mm3 - true_volume
    return OutlineMeasures(
        dice(drawn, truth),
        mean,
        hausdorff,
        true_volume,
        error,
        error / true_volume,
    )
