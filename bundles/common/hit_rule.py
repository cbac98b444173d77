"""LUNA16's rule of which nodule a point hits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def nearest_hits(
    centers_mm: ArrayLike, nodule_centers_mm: ArrayLike, nodule_diameters_mm: ArrayLike
) -> NDArray[np.int64]:
    """The nodule that each point hits: one whose centre is closer than its radius.

    Setio et al., Medical Image Analysis 2017, 42:1-13.

    Args:
        centers_mm: points, shape (n, 3), in any millimetre space.
        nodule_centers_mm: shape (m, 3), in the same space.
        nodule_diameters_mm: shape (m,).

    Returns:
        Shape (n,): the index of the nearest nodule that is hit, -1 for none.
    """
    distance = hit_distances_mm(centers_mm, nodule_centers_mm, nodule_diameters_mm)
    hit = np.full(len(distance), -1, dtype=np.int64)
    near = np.isfinite(distance).any(axis=1)
    if near.any():
        hit[near] = distance[near].argmin(axis=1)
    return hit


def hit_distances_mm(
    centers_mm: ArrayLike, nodule_centers_mm: ArrayLike, nodule_diameters_mm: ArrayLike
) -> NDArray[np.float64]:
    """How far each point is from each nodule that it hits; infinite where it hits none.

    Args:
        centers_mm: points, shape (n, 3), in any millimetre space.
        nodule_centers_mm: shape (m, 3), in the same space.
        nodule_diameters_mm: shape (m,).

    Returns:
        Shape (n, m).
    """
    centers = np.asarray(centers_mm, dtype=np.float64).reshape(-1, 3)
    nodules = np.asarray(nodule_centers_mm, dtype=np.float64).reshape(-1, 3)
    radius = np.asarray(nodule_diameters_mm, dtype=np.float64).reshape(-1) / 2
    if len(radius) != len(nodules):
        raise ValueError(f"{len(nodules)} nodules with {len(radius)} diameters")
    distance = np.linalg.norm(centers[:, None] - nodules[None], axis=-1)
    return np.where(distance < radius, distance, np.inf)
