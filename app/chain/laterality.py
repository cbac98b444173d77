"""Left or right lung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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
    sides, away, levels = _aerated(lungs, point, rule.next_to_mm)
    if not (away <= rule.next_to_mm).any() or not (levels <= rule.level_mm).any():
        sides, away, levels = _aerated(lungs, point, None)
    if not (levels <= rule.level_mm).any():
        return None
    nearest = int(np.argmin(away))
    if away[nearest] <= rule.next_to_mm:
        return "left" if sides[nearest] == LEFT else "right"
    offset = float(lungs.left_of_middle_mm(point))
    if abs(offset) < rule.middle_mm:
        return None
    return "left" if offset > 0 else "right"


def _aerated(
    lungs: LungRegion, point: NDArray[np.float64], within_mm: float | None
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """The air-filled voxels of a box that holds all those within a distance of a point, or of all.

    Returns:
        Of each its side, and in mm how far from the point it is, and how far above or below it.
    """
    start, stop = np.zeros(3, int), np.asarray(lungs.sides.shape)
    if within_mm is not None:
        # So far a ball reaches along each axis of the grid, sheared or not.
        reach = within_mm * np.linalg.norm(np.linalg.inv(lungs.geometry.affine_lps[:3, :3]), axis=1)
        middle = lungs.geometry.lps_to_index(point)
        start, stop = (
            np.clip(end, 0, stop).astype(int)
            for end in (np.floor(middle - reach), np.ceil(middle + reach) + 1)
        )
    i, r, c = (slice(a, b) for a, b in zip(start, stop, strict=True))
    part = lungs.sides[i, r, c]
    index = np.argwhere(part)
    offset = lungs.geometry.index_to_lps(index + start) - point
    return part[tuple(index.T)], np.linalg.norm(offset, axis=1), np.abs(offset[:, 2])
