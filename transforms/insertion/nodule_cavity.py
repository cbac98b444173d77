"""Cavities: the air in the middle of a nodule, as a squamous cell carcinoma or an abscess has it.

A cavity is "a gas-filled space, seen as a lucency or low-attenuation area, within pulmonary
consolidation, a mass, or a nodule" (Hansell et al., Fleischner glossary, Radiology 246, 2008).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from nodulus.transforms.insertion.nodule_appearance import correlated_noise

AIR_HU = -990.0
LEAST_RADIUS_MM = 3.5
"""A smaller nodule gets no cavity: there is hardly one voxel of air in it."""
THICKEST_WALL_SHARE = 0.65
"""Of a nodule's radius; with a thicker wall nothing of the cavity is left after the blur."""
_UNEVEN_SHARE, _EDGE_MM = 0.2, 0.4


def draw_wall_mm(
    radius_mm: float, share: float, range_mm: tuple[float, float], rng: np.random.Generator
) -> float | None:
    """Draw whether a nodule has a cavity, and how thick its wall is.

    Args:
        radius_mm: of a ball of the nodule's volume.
        share: of the nodules that are large enough.
        range_mm: thinnest and thickest wall, cut to what leaves a cavity.
        rng: source of randomness; without a share nothing is drawn from it.
    """
    if share <= 0.0 or radius_mm < LEAST_RADIUS_MM or rng.random() >= share:
        return None
    thickest = min(range_mm[1], THICKEST_WALL_SHARE * radius_mm)
    return float(rng.uniform(min(range_mm[0], thickest), thickest))


def cavity_share(
    sdf_mm: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    wall_mm: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """How much of each place is the cavity: what lies deeper than the wall, which is uneven.

    Args:
        sdf_mm: signed distance to the nodule's border, negative inside, any (I, R, C).
        spacing_mm: of ``sdf_mm``.
        wall_mm: mean thickness.
        rng: source of randomness.

    Returns:
        0 to 1, shape of ``sdf_mm``.
    """
    uneven = correlated_noise(sdf_mm.shape, spacing_mm, max(2.0, wall_mm), rng)
    wall = wall_mm * np.clip(1.0 + _UNEVEN_SHARE * uneven, 0.4, 1.6)
    return np.asarray(np.clip(0.5 - (sdf_mm + wall) / (2 * _EDGE_MM), 0.0, 1.0), dtype=np.float32)


def fill_with_air(
    hu: NDArray[np.float32],
    before: NDArray[np.generic],
    spacing_mm: ArrayLike,
    share: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Put air in place of the lung in a cavity; the image noise goes on in it.

    Args:
        hu: with the nodule, (I, R, C).
        before: the same place without the nodule.
        spacing_mm: of the volume, (I, R, C).
        share: of each voxel that is the cavity.
    """
    sigma = 1.5 / np.asarray(spacing_mm, dtype=np.float64)
    structure = gaussian_filter(before.astype(np.float32), sigma, mode="nearest", truncate=2.0)
    return np.asarray(hu - share * np.maximum(structure - AIR_HU, 0.0), dtype=np.float32)
