"""Strands that radiate from a spiculated nodule into the lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Strand:
    """A thin, slightly bent, tapering strand.

    Args:
        points_mm: shape (n, 3), from the nodule's inside outwards.
        radii_mm: shape (n,), falling.
        fill: share of air that it replaces.
    """

    points_mm: FloatArray
    radii_mm: FloatArray
    fill: float


def draw_strands(*, radius_mm: float, spiculation: float, rng: np.random.Generator) -> list[Strand]:
    """Draw the strands of a nodule around the origin.

    Args:
        radius_mm: equivalent radius of the nodule.
        spiculation: LIDC-IDRI's 1 (none) to 5 (marked); below 3.5 there are none.
        rng: source of randomness.

    Returns:
        Strands of 3 to 15 mm, some 1 to 3 mm thick at the root and 0.9 mm at the end. Each
        begins at the origin and points outwards; see :func:`shifted`.
    """
    if spiculation < 3.5:
        return []
    count = int(rng.integers(14, 28) if spiculation < 4.5 else rng.integers(28, 56))
    strands = []
    count = max(round(count * min(radius_mm / 8.0, 1.0)), 5)
    for _ in range(count):
        direction = _unit(rng.standard_normal(3))
        bend = np.cross(direction, _unit(rng.standard_normal(3)))
        length = float(np.clip(radius_mm * rng.uniform(0.4, 1.3), 3.0, 15.0))
        along = np.linspace(0.0, length, 6)
        curve = rng.normal(0.0, 0.12) * along**2 / max(length, 1e-6)
        points = along[:, np.newaxis] * direction + curve[:, np.newaxis] * bend
        # Wide at the root, where it draws the lung together, then thin to its end.
        radii = 0.45 + rng.uniform(0.3, 1.2) * np.linspace(1.0, 0.0, 6) ** 2
        strands.append(Strand(points, radii, float(rng.uniform(0.5, 1.0))))
    return strands


def paint_strands(
    fill: NDArray[np.float32],
    strands: list[Strand],
    to_index: FloatArray,
    origin_index: FloatArray,
) -> None:
    """Raise ``fill`` to the strands' fill along them, in place.

    Args:
        fill: shape (I, R, C), share of air replaced.
        strands: with points in mm from the origin.
        to_index: 3x3 matrix from mm to (fractional) index of ``fill``.
        origin_index: where the origin lies.
    """
    to_mm = np.linalg.inv(to_index)
    reach = np.linalg.norm(to_index, axis=1)
    for strand in strands:
        spots = strand.points_mm @ to_index.T + origin_index
        for k in range(len(spots) - 1):
            pad = (strand.radii_mm[k] + 0.5) * reach
            low = np.floor(np.minimum(spots[k], spots[k + 1]) - pad).astype(int)
            high = np.ceil(np.maximum(spots[k], spots[k + 1]) + pad).astype(int) + 1
            low = np.clip(low, 0, fill.shape)
            high = np.clip(high, 0, fill.shape)
            if np.any(high <= low):
                continue
            box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            index = np.stack(
                np.meshgrid(
                    *[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"
                ),
                axis=-1,
            )
            offset = (index - spots[k]) @ to_mm.T
            step_mm = strand.points_mm[k + 1] - strand.points_mm[k]
            share = np.clip(offset @ step_mm / max(float(step_mm @ step_mm), 1e-9), 0.0, 1.0)
            gap = np.linalg.norm(offset - share[..., np.newaxis] * step_mm, axis=-1)
            radius = (1 - share) * strand.radii_mm[k] + share * strand.radii_mm[k + 1]
            value = strand.fill * np.clip(0.5 - (gap - radius) / 0.7, 0.0, 1.0)
            np.maximum(fill[box], value, out=fill[box], casting="same_kind")


def shifted(strand: Strand, start_mm: FloatArray) -> Strand:
    """The strand moved to begin at a point."""
    return Strand(strand.points_mm + start_mm, strand.radii_mm, strand.fill)


def _unit(vector: FloatArray) -> FloatArray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
