"""Two boxes of lung."""

from __future__ import annotations

import numpy as np

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT


def box_lungs(heights_mm: tuple[float, float] = (240.0, 240.0), margin: int = 10) -> LungRegion:
    """Two boxes of lung 100 mm wide and 160 mm deep, right and left; z from 0 up."""
    top = 0.0 + max(heights_mm)
    shape = (int(top / 2.5) + 2 * margin, 80, 100)
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[1, 1] = affine[0, 2] = 2.5
    affine[:3, 3] = (-125.0, -100.0, -2.5 * margin)
    affine[3, 3] = 1
    geometry = Geometry(shape, affine)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(geometry.index_to_lps(index), -1, 0)
    height = np.where(x < 0, *heights_mm)
    air = (np.abs(x) > 10) & (np.abs(x) < 110) & (np.abs(y) < 80) & (z >= 0) & (z <= height)
    sides = np.where(air, np.where(x < 0, RIGHT, LEFT), 0).astype(np.uint8)
    return LungRegion(air, sides, geometry, (False, False))
