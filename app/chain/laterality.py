"""Left or right lung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT

LEVEL_MM = 10.0
MIDDLE_MM = 5.0
NEXT_TO_MM = 10.0


def laterality(
    lungs: LungRegion, center_lps_mm: Sequence[float]
) -> Literal["left", "right"] | None:
    """The patient's side of a point: that of the lung that it lies in or next to.

    Further from both lungs, as in a large mass or a collapsed lung, the sagittal mid-plane tells.

    Args:
        lungs: the lungs.
        center_lps_mm: the point.

    Returns:
        The side; None where no lung is seen within ``LEVEL_MM`` of its height, or where it lies
        next to neither lung and within ``MIDDLE_MM`` of the mid-plane.
    """
    point = np.asarray(center_lps_mm, dtype=np.float64)
    index = np.argwhere(lungs.aerated)
    points = lungs.geometry.index_to_lps(index)
    if not (np.abs(points[:, 2] - point[2]) <= LEVEL_MM).any():
        return None
    away = np.linalg.norm(points - point, axis=1)
    nearest = int(np.argmin(away))
    if away[nearest] <= NEXT_TO_MM:
        return "left" if lungs.sides[tuple(index[nearest])] == LEFT else "right"
    offset = float(lungs.left_of_middle_mm(point))
    if abs(offset) < MIDDLE_MM:
        return None
    return "left" if offset > 0 else "right"
