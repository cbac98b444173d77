"""What one infiltrate looks like: how much of the air it replaces, voxel by voxel.

Terms and looks after the Fleischner glossary (Hansell et al., Radiology 246, 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform
from scipy.spatial import cKDTree

from nodulus.app.data.phantom.lesions import PhantomLesionKind
from nodulus.transforms.insertion.nodule_appearance import correlated_noise

FloatArray = NDArray[np.float32]
Points = NDArray[np.float64]

_LATTICE_MM = 2.0
_SEPTUM_MM = 1.3


@dataclass(frozen=True, eq=False)
class Infiltrate:
    """One patch of denser lung.

    Args:
        kind: what it is.
        center_lps_mm: its middle.
        radii_mm: half-widths; of a band, its thickness and its reach along the pleura (twice).
        band: whether it follows the pleura.
        axes: three orthonormal rows.
        fill: share of the air that it replaces where it is plain ground glass.
        edge: width of its border as a part of its radius.
    """

    kind: PhantomLesionKind
    center_lps_mm: Points
    radii_mm: tuple[float, float, float]
    band: bool
    axes: Points
    fill: float
    edge: float

    @property
    def reach_mm(self) -> float:
        """How far from its middle it may go."""
        return 1.35 * max(self.radii_mm) + 2.0


def filled_share(
    patch: Infiltrate,
    offset_mm: FloatArray,
    depth_mm: FloatArray,
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
) -> FloatArray:
    """Share of the air that a patch replaces.

    Args:
        patch: what it is like.
        offset_mm: from its middle, shape (I, R, C, 3), along the axes of the volume.
        depth_mm: under the pleura, shape (I, R, C).
        spacing_mm: of the voxels.
        rng: source of randomness.
    """
    shape, radius = depth_mm.shape, max(patch.radii_mm)
    if patch.band:
        flat = np.linalg.norm(offset_mm, axis=-1) / radius
        ratio = np.hypot(np.maximum(depth_mm, 0.0) / patch.radii_mm[0], flat)
    else:
        turned = offset_mm @ patch.axes.T.astype(np.float32)
        ratio = np.linalg.norm(turned / np.asarray(patch.radii_mm, np.float32), axis=-1)
    broad = correlated_noise(shape, spacing_mm, max(5.0, 0.4 * radius), rng)
    fine = correlated_noise(shape, spacing_mm, 2.5, rng)
    level, gap = _lobules(shape, spacing_mm, float(rng.uniform(8.0, 15.0)), rng)
    # Borders run along lobules, by which the disease spreads.
    order = 1.0 - ratio + 0.2 * broad + rng.uniform(0.1, 0.6) * (level - 0.5)
    inside = _ramp(order / patch.edge)
    glass = patch.fill * inside * np.clip(1.0 + 0.25 * fine + 0.3 * broad, 0.35, 1.6)
    dense = np.clip(rng.uniform(0.8, 1.0) * (1.0 + 0.06 * fine), 0.0, 1.0)
    if patch.kind is PhantomLesionKind.CRAZY_PAVING:
        lines = np.clip(1.5 - gap / _SEPTUM_MM, 0.0, 1.0) * inside
        glass = np.maximum(glass, (patch.fill + 0.3) * lines)
    elif patch.kind is PhantomLesionKind.REVERSED_HALO:
        ring = inside * (1.0 - _ramp((order - rng.uniform(0.3, 0.45)) / 0.15))
        glass = np.maximum(0.6 * glass, dense * ring)
    elif patch.kind is PhantomLesionKind.CONSOLIDATION:
        # Whole lobules are spared or filled; around them often lies ground glass.
        spared = rng.uniform(0.0, 0.6)
        core = _ramp((order - rng.uniform(0.0, 0.35) - 0.5 * (level < spared)) / patch.edge)
        glass = np.maximum(glass * (rng.random() < 0.7), dense * core)
    elif patch.kind is PhantomLesionKind.ATELECTASIS:
        glass = np.maximum(glass, dense * _ramp((order - rng.uniform(0.1, 0.6)) / 0.3))
    return np.asarray(np.clip(glass, 0.0, 1.0), dtype=np.float32)


def bronchogram(
    patch: Infiltrate,
    offset_mm: FloatArray,
    medial: Points,
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
) -> FloatArray:
    """How much of each voxel lies in an airway that stays open within a patch, 0 to 1.

    Args:
        patch: what it is like.
        offset_mm: from its middle, shape (I, R, C, 3).
        medial: unit vector towards the hilum.
        spacing_mm: of the voxels.
        rng: source of randomness.
    """
    open_share = np.zeros(offset_mm.shape[:-1], dtype=np.float32)
    radius = max(patch.radii_mm)
    stem = medial * 0.9 * radius
    for _ in range(int(rng.integers(2, 6))):
        end = -medial * radius * rng.uniform(0.1, 0.8) + rng.normal(0.0, 0.35 * radius, 3)
        middle = 0.5 * (stem + end) + rng.normal(0.0, 0.1 * radius, 3)
        wide = float(rng.uniform(0.7, 1.8))
        for a, b, r in ((stem, middle, wide), (middle, end, 0.75 * wide)):
            np.maximum(open_share, tube_share(offset_mm, a, b, r, spacing_mm), out=open_share)
    return open_share


def tube_share(
    offset_mm: FloatArray,
    start_mm: Points,
    end_mm: Points,
    radius_mm: float,
    spacing_mm: tuple[float, float, float],
) -> FloatArray:
    """How much of each voxel lies in a straight tube with round ends, 0 to 1.

    Args:
        offset_mm: of the voxels, shape (I, R, C, 3).
        start_mm: where the tube begins, shape (3,).
        end_mm: where it ends.
        radius_mm: of the tube.
        spacing_mm: of the voxels; a thinner tube is fainter, not thinner.
    """
    start, axis = start_mm.astype(np.float32), (end_mm - start_mm).astype(np.float32)
    along = np.clip((offset_mm - start) @ axis / max(float(axis @ axis), 1e-6), 0.0, 1.0)
    away = np.linalg.norm(offset_mm - start - along[..., None] * axis, axis=-1)
    blur_mm = max(float(np.mean(spacing_mm)), 0.7)
    drawn = max(radius_mm, 0.5 * blur_mm)
    share = np.clip(0.5 - (away - drawn) / blur_mm, 0.0, 1.0) * min(1.0, (radius_mm / drawn) ** 2)
    return np.asarray(share, dtype=np.float32)


def _ramp(value: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(value, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x), dtype=np.float32)


def _lobules(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    size_mm: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Secondary lobules as Voronoi cells: a random level for each, and the distance to its border.

    Computed on a lattice of 2 mm and interpolated.
    """
    step = np.asarray(spacing_mm) / _LATTICE_MM
    size = [int(np.ceil(n * s)) + 2 for n, s in zip(shape, step, strict=True)]
    extent = np.array(size) * _LATTICE_MM
    count = max(4, int(np.prod((extent + size_mm) / size_mm)))
    seeds = rng.uniform(-0.5 * size_mm, extent + 0.5 * size_mm, (count, 3))
    lattice = np.indices(size).reshape(3, -1).T * _LATTICE_MM
    distance, nearest = cKDTree(seeds).query(lattice, k=2)
    level = rng.random(count)[nearest[:, 0]].reshape(size)
    gap = (distance[:, 1] - distance[:, 0]).reshape(size)
    out = [affine_transform(f.astype(np.float32), step, output_shape=shape, order=1)
           for f in (level, gap)]  # fmt: skip
    return out[0], out[1]
