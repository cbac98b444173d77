"""The right lung and the left one.

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import (
    BoolArray,
    bounding_box,
    dilate,
    dilate_by_cross,
    erode,
)
from nodulus.transforms.lung_air import ROUNDING_MM

RIGHT, LEFT = 1, 2
"""Labels of the lungs; 0 is everything else."""


@dataclass(frozen=True)
class SidesRule:
    """When lungs that touch count as parted.

    Args:
        erosions_mm: radii that are tried one after the other.
        one_sided_share: of a part's voxels, on its side of the mid-plane.
        notable_share: of all voxels; smaller parts do not count.
    """

    erosions_mm: tuple[float, ...]
    one_sided_share: float
    notable_share: float


def separate_lungs(
    lungs: BoolArray,
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
    rule: SidesRule,
) -> NDArray[np.uint8]:
    """Label the right lung ``RIGHT`` and the left one ``LEFT``.

    They often touch in front of the heart or behind it. They are eroded, further and further,
    until each part that counts lies on one side of the mid-plane, and dilated back side by side
    (erosion as in Hu, Hoffman and Reinhardt, IEEE Trans. Med. Imaging 20:490-498, 2001). So a lung
    that reaches across the mid-plane stays one. Lungs that no erosion parts are cut at it.

    Args:
        lungs: of both sides.
        middle: the x index of the mid-plane at each z.
        spacing: mm along z, y, x.
        rule: when they count as parted.
    """
    is_left = np.arange(lungs.shape[2])[None, :] > middle[:, None]
    is_left = np.broadcast_to(is_left[:, None, :], lungs.shape)
    for radius_mm in rule.erosions_mm:
        core = erode(lungs, spacing.tolist(), radius_mm + ROUNDING_MM) if radius_mm else lungs
        side = _one_sided(core, is_left, rule)
        if side is not None:
            return _grown_back(side, lungs, is_left, spacing, radius_mm)
    return np.where(lungs, np.where(is_left, LEFT, RIGHT), 0).astype(np.uint8)


def _one_sided(core: BoolArray, is_left: BoolArray, rule: SidesRule) -> NDArray[np.uint8] | None:
    """The sides of a core's parts; None where one that counts lies on both."""
    labels, count = ndimage.label(core)
    voxels = np.bincount(labels.ravel(), minlength=count + 1)
    voxels[0] = 0
    left = np.bincount(labels[is_left], minlength=count + 1)
    share = left / np.maximum(1, voxels)
    counts = voxels > rule.notable_share * voxels.sum()
    most = rule.one_sided_share
    if not counts.any() or (counts & (share > 1 - most) & (share < most)).any():
        return None
    side = np.where(counts, np.where(share > 0.5, LEFT, RIGHT), 0).astype(np.uint8)
    return np.asarray(side[labels])


def _grown_back(
    side: NDArray[np.uint8],
    lungs: BoolArray,
    is_left: BoolArray,
    spacing: NDArray[np.float64],
    radius_mm: float,
) -> NDArray[np.uint8]:
    """Give each voxel of the lungs the side of the core that reaches it, first by a ball.

    What both reach goes to the one that is there in fewer steps, the rest by the mid-plane.
    """
    reach = radius_mm + 2 * float(spacing.max())
    right, left = (dilate(side == s, spacing.tolist(), reach) & lungs for s in (RIGHT, LEFT))
    both = right & left
    if both.any():
        box = bounding_box(both, (1, 1, 1))
        _share(right[box], left[box], both[box], side[box])
    result = np.where(is_left, LEFT, RIGHT)
    result[right] = RIGHT
    result[left] = LEFT
    return np.where(lungs, result, 0).astype(np.uint8)


def _share(right: BoolArray, left: BoolArray, both: BoolArray, side: NDArray[np.uint8]) -> None:
    """Part what both sides reach, in place, growing each step by step from what is its own."""
    right &= ~both | (side == RIGHT)
    left &= ~both | (side == LEFT)
    todo, before = int(np.count_nonzero(both & ~right & ~left)), -1
    while todo and todo != before:
        free = both & ~right & ~left
        from_right, from_left = dilate_by_cross(right) & free, dilate_by_cross(left) & free
        right |= from_right
        left |= from_left & ~from_right
        todo, before = int(np.count_nonzero(both & ~right & ~left)), todo
