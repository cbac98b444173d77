"""Small solids painted straight into the volume, with partial volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float32]
_PARTS = 3


@dataclass(frozen=True, eq=False)
class Solid:
    """An ellipsoid of one density.

    Args:
        center_xyz: anatomy mm.
        radii_mm: along its axes.
        axes: three orthonormal rows (x, y, z).
        hu: its density.
        share: how much of the lung it replaces, 0 to 1.
        displaces: whether what it covers is no lung any more.
    """

    center_xyz: NDArray[np.float64]
    radii_mm: tuple[float, float, float]
    axes: NDArray[np.float64]
    hu: float
    share: float = 1.0
    displaces: bool = False


def cover(geometry: Geometry, solid: Solid) -> tuple[Box, FloatArray] | None:
    """The box that a solid lies in, and how much of each voxel it fills; None outside.

    Args:
        geometry: an axial grid in the space of the solid.
        solid: what to paint.
    """
    spacing = np.array(geometry.spacing_irc_mm)
    origin = geometry.affine_lps[:3, 3][::-1]
    axes, radii = np.asarray(solid.axes), np.asarray(solid.radii_mm)
    reach = np.sqrt(((axes * radii[:, None]) ** 2).sum(axis=0))[::-1] + spacing
    middle = np.asarray(solid.center_xyz)[::-1]
    low = np.clip(np.ceil((middle - reach - origin) / spacing), 0, geometry.shape_irc).astype(int)
    high = np.clip(np.floor((middle + reach - origin) / spacing) + 1, 0, geometry.shape_irc)
    high = high.astype(int)
    if np.any(high <= low):
        return None
    z, y, x = (
        (origin[a] + np.arange(low[a], high[a]) * spacing[a] - middle[a]).astype(np.float32)
        for a in range(3)
    )
    total = np.zeros((len(z), len(y), len(x)), dtype=np.float32)
    for part in range(_PARTS):
        # Slices are thicker than pixels: a slice is the mean of planes within it.
        at = z + np.float32(((part + 0.5) / _PARTS - 0.5) * spacing[0])
        local = [
            at[:, None, None] * row[2] + y[None, :, None] * row[1] + x[None, None, :] * row[0]
            for row in axes.astype(np.float32)
        ]
        ratio = np.sqrt(sum((v / r) ** 2 for v, r in zip(local, radii, strict=True))) + 1e-4
        slope = np.sqrt(sum((v / r**2) ** 2 for v, r in zip(local, radii, strict=True))) + 1e-6
        # Distance by the first-order rule f / |grad f|, which holds for flat ellipsoids too.
        distance = (ratio - 1.0) * ratio / slope
        total += np.clip(0.5 - distance / spacing[1], 0.0, 1.0)
    box = box_between(low, high)
    return box, total / np.float32(_PARTS)


def paint_solids(
    hu: FloatArray, lung_share: NDArray[np.uint8], geometry: Geometry, solids: list[Solid]
) -> None:
    """Paint solids where there is lung; they only ever add density. In place."""
    for solid in solids:
        found = cover(geometry, solid)
        if found is None:
            continue
        box, covered = found
        lung = lung_share[box].astype(np.float32) * np.float32(1 / 255)
        added = np.maximum(np.float32(solid.hu) - hu[box], 0.0)
        hu[box] += covered * lung * np.float32(solid.share) * added
        if solid.displaces:
            lung_share[box] = (lung_share[box] * (1.0 - covered)).astype(np.uint8)
