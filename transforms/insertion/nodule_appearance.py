"""What a nodule is made of: how much of the air it fills, and how dense its tissue is.

Two fields describe it. ``fill`` is the share of the air that the nodule replaces: 1 in solid
tissue, 0.1 to 0.5 in ground glass, through which vessels stay visible (Hansell et al., Fleischner
glossary, Radiology 246, 2008). ``tissue_hu`` is the density of what replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

FloatArray = NDArray[np.float32]
LUNG_HU = -850.0
MUSCLE_HU = 40.0
ENHANCED_SHARE, ENHANCEMENT_HU = 0.5, 80.0
"""How many solid nodules take up contrast medium, and the most by which it lifts them: Swensen et
al., Radiology 214:73-80 (2000), found a median of 38 HU in malignant ones."""
SMALL_DEPTH_MM = 3.5


# How far into a small nodule its density rises, as a share of its depth, and from how much less.
_PEAK_SHARE, _PEAK_FALL = 0.6, 0.22


class Calcification(IntEnum):
    """LIDC-IDRI's names for a nodule's calcification."""

    POPCORN = 1
    LAMINATED = 2
    SOLID = 3
    NON_CENTRAL = 4
    CENTRAL = 5
    ABSENT = 6


@dataclass(frozen=True, eq=False)
class Material:
    """A nodule's inner appearance, voxel by voxel, before the scanner blurs it.

    Args:
        fill: share of air replaced, 0 to 1.
        tissue_hu: density of what replaces it.
    """

    fill: FloatArray
    tissue_hu: FloatArray


def correlated_noise(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, ...],
    length_mm: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Smooth noise of mean 0 and standard deviation about 1.

    Args:
        shape: of the result.
        spacing_mm: voxel spacing along each axis.
        length_mm: distance over which values go together.
        rng: source of randomness.
    """
    step = [max(spacing / length_mm, 1e-3) for spacing in spacing_mm]
    coarse = [int(np.ceil(n * s)) + 3 for n, s in zip(shape, step, strict=True)]
    lattice = rng.standard_normal(coarse).astype(np.float32)
    offset = rng.uniform(0.0, 1.0, len(shape))
    smooth = affine_transform(lattice, np.array(step), offset, output_shape=shape, order=1)
    # Linear interpolation between independent values takes (2/3) of the variance on each axis.
    return np.asarray(smooth * 1.5 ** (len(shape) / 2), dtype=np.float32)


def nodule_material(
    sdf_mm: FloatArray,
    spacing_mm: tuple[float, float, float],
    *,
    texture: float,
    calcification: float,
    rng: np.random.Generator,
) -> Material:
    """Draw a nodule's inside from its ratings.

    Args:
        sdf_mm: signed distance to its border, negative inside.
        spacing_mm: voxel spacing of ``sdf_mm``.
        texture: LIDC-IDRI's 1 (ground glass) over 3 (part-solid) to 5 (solid).
        calcification: see :class:`Calcification`; 6 is none.
        rng: source of randomness.
    """
    depth_mm = max(float(-sdf_mm.min()), 0.1)
    fine = correlated_noise(sdf_mm.shape, spacing_mm, 1.2, rng)
    coarse = correlated_noise(sdf_mm.shape, spacing_mm, max(2.5, 0.6 * depth_mm), rng)
    inner = 0.6 * fine + 0.8 * coarse
    fill = _fill(sdf_mm, depth_mm, (inner, coarse), texture, rng)
    tissue_hu = rng.uniform(5.0, 60.0) + 14.0 * inner
    kind = round(calcification)
    enhanced_hu = draw_enhancement(rng)
    if texture >= 4.5 and kind >= Calcification.ABSENT:
        tissue_hu = tissue_hu + enhanced_hu
    if kind < Calcification.ABSENT:
        share = _calcified_share(sdf_mm, depth_mm, fine, Calcification(max(kind, 1)), rng)
        tissue_hu = tissue_hu + share * (rng.uniform(200.0, 800.0) - tissue_hu)
        fill = np.maximum(fill, share)
    return Material(fill.astype(np.float32), tissue_hu.astype(np.float32))


def draw_enhancement(rng: np.random.Generator) -> float:
    """By how much contrast medium lifts a solid nodule, HU: 0 for half of them, up to 80.

    Always takes two draws, so that what follows does not depend on the outcome.

    Args:
        rng: source of randomness.
    """
    enhanced, share = rng.random(), rng.random()
    return float(ENHANCEMENT_HU * share) if enhanced < ENHANCED_SHARE else 0.0


def _fill(
    sdf_mm: FloatArray,
    depth_mm: float,
    unevenness: tuple[FloatArray, FloatArray],
    texture: float,
    rng: np.random.Generator,
) -> FloatArray:
    inner, coarse = unevenness
    if texture >= 4.5:
        if depth_mm >= SMALL_DEPTH_MM:
            return np.full_like(sdf_mm, rng.uniform(0.96, 1.0))
        # Small solid nodules are fainter than their size alone explains, half of them by far, and
        # densest in the middle.
        faint = rng.random() < 0.5
        top = rng.uniform(0.42, 0.72) if faint else rng.uniform(0.85, 1.0)
        inward = np.clip(-sdf_mm / (_PEAK_SHARE * depth_mm), 0.0, 1.0)
        return np.asarray(top * (1.0 - _PEAK_FALL * (1.0 - inward)), dtype=np.float32)
    low, high = (-720.0, -530.0) if texture < 1.5 else (-680.0, -450.0)
    if texture >= 2.5:
        low, high = -650.0, -400.0
    glass = (rng.uniform(low, high) - LUNG_HU) / (MUSCLE_HU - LUNG_HU)
    # Ground glass fades towards its border and is uneven inside.
    halo = glass * (1.0 + 0.32 * inner) * np.clip(0.7 + 0.4 * -sdf_mm / depth_mm, 0.5, 1.0)
    if texture >= 1.75:
        core_share = rng.uniform(0.55, 0.85) if texture >= 3.5 else rng.uniform(0.12, 0.55)
        core_fill = rng.uniform(0.85, 1.0)
        if texture < 2.5:
            core_share, core_fill = rng.uniform(0.05, 0.25), rng.uniform(0.4, 0.6)
        # The core lies deep, but off the centre and with an uneven border.
        order = sdf_mm + 0.45 * depth_mm * coarse
        inside = order[sdf_mm < 0]
        border = float(np.quantile(inside, core_share)) if inside.size else -np.inf
        soft_mm = 0.8
        core = np.clip(0.5 - (order - border) / (2.0 * soft_mm), 0.0, 1.0)
        halo = halo + core * (core_fill - halo)
    return np.asarray(np.clip(halo, 0.03, 1.0), dtype=np.float32)


def _calcified_share(
    sdf_mm: FloatArray,
    depth_mm: float,
    fine: FloatArray,
    kind: Calcification,
    rng: np.random.Generator,
) -> FloatArray:
    if kind is Calcification.SOLID:
        inside = (-sdf_mm / depth_mm - 0.05) / 0.2
    elif kind is Calcification.CENTRAL:
        inside = (-sdf_mm / depth_mm - rng.uniform(0.5, 0.65)) / 0.2
    elif kind is Calcification.LAMINATED:
        inside = 0.5 + 1.5 * np.sin(-sdf_mm * (2.0 * np.pi / max(2.0, 0.5 * depth_mm)))
    elif kind is Calcification.POPCORN:
        inside = (fine - 0.5) / 0.4
    else:
        places = np.argwhere(sdf_mm < -0.35 * depth_mm)
        place = places[rng.integers(len(places))] if len(places) else np.zeros(3)
        # Distances in voxels are good enough for a spot of random size.
        index = np.indices(sdf_mm.shape, dtype=np.float32)
        gap = np.linalg.norm(index - place.reshape(3, 1, 1, 1), axis=0)
        radius = rng.uniform(0.1, 0.25) * np.cbrt(np.count_nonzero(sdf_mm < 0))
        inside = 1.0 + (radius - gap) / 2.0
    return np.asarray(np.clip(inside, 0.0, 1.0) * (sdf_mm < 0), dtype=np.float32)
