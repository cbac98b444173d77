"""Left or right lung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nodulus.app.chain.settings_sections import LateralitySettings
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT


def laterality(
    lungs: LungRegion, center_lps_mm: Sequence[float], rule: LateralitySettings
) -> Literal["left", "right"] | None:
    """The patient's side of a point: that of the lung that it lies in or next to.

    Further from both lungs, as in a large mass or a collapsed lung, the sagittal mid-plane tells.

    Args:
        lungs: the lungs.
        center_lps_mm: the point.
        rule: how near is near.

    Returns:
        The side; None where no lung is seen within ``level_mm`` of its height, or where it lies
        next to neither lung and within ``middle_mm`` of the mid-plane.
    """
    point = np.asarray(center_lps_mm, dtype=np.float64)
    index = np.argwhere(lungs.aerated)
    points = lungs.geometry.index_to_lps(index)
    if not (np.abs(points[:, 2] - point[2]) <= rule.level_mm).any():
        return None
    away = np.linalg.norm(points - point, axis=1)
    nearest = int(np.argmin(away))
    if away[nearest] <= rule.next_to_mm:
        return "left" if lungs.sides[tuple(index[nearest])] == LEFT else "right"
    offset = float(lungs.left_of_middle_mm(point))
    if abs(offset) < rule.middle_mm:
        return None
    return "left" if offset > 0 else "right"
