"""Left or right lung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nodulus.transforms.lung_region import LungRegion


def laterality(
    lungs: LungRegion, center_lps_mm: Sequence[float]
) -> Literal["left", "right"] | None:
    """The patient's side of a point: by the middle between the lungs' outer edges at its level.

    Args:
        lungs: the lung region.
        center_lps_mm: the point.

    Returns:
        The side; None where the lungs are not seen at that level, or within 5 mm of the middle.
    """
    points = lungs.geometry.index_to_lps(np.argwhere(lungs.aerated))
    level = points[np.abs(points[:, 2] - center_lps_mm[2]) <= 10.0, 0]
    if level.size == 0:
        return None
    offset = center_lps_mm[0] - (level.min() + level.max()) / 2.0
    if abs(offset) < 5.0:
        return None
    return "left" if offset > 0 else "right"
