"""Upper or lower lobe, where the place in the lung leaves no doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.settings_sections import LobeSettings
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.lungs import axial_axis

Side = Literal["left", "right"]
Lobe = Literal["upper", "lower"]


@dataclass(frozen=True)
class LungExtent:
    """How far one lung reaches, patient LPS mm.

    Args:
        front_mm: LPS y of its front.
        back_mm: LPS y of its back.
        low_mm: LPS z of its lowest level.
        high_mm: LPS z of its highest level.
        cut_below: the scan ends within it, at the bottom.
        cut_above: the scan ends within it, at the top.
    """

    front_mm: float
    back_mm: float
    low_mm: float
    high_mm: float
    cut_below: bool
    cut_above: bool

    @property
    def height_mm(self) -> float:
        """From the lowest to the highest level."""
        return self.high_mm - self.low_mm


def lung_extents(lungs: LungRegion, rule: LobeSettings) -> dict[Side, LungExtent]:
    """Measure both lungs; empty where they are too short or too unlike each other to judge by.

    Of each lung only the largest connected part counts, so that no gas of the bowel
    does. Lungs of unlike height were operated on, have collapsed or are pushed aside; their
    fissures lie elsewhere.

    Args:
        lungs: the lungs.
        rule: what is too short, and what is no lung.
    """
    axis = axial_axis(lungs.geometry)
    both: dict[Side, int] = {"left": LEFT, "right": RIGHT}
    measured = {
        side: _extent(lungs.sides == label, lungs, axis, rule.min_section_mm2)
        for side, label in both.items()
    }
    extents = {side: extent for side, extent in measured.items() if extent is not None}
    heights = [extent.height_mm for extent in extents.values()]
    alike = len(heights) == 2 and min(heights) >= rule.min_height_ratio * max(heights)
    return extents if alike and min(heights) >= rule.min_height_mm else {}


def lobe(
    extents: Mapping[Side, LungExtent],
    side: Side | None,
    center_lps_mm: Sequence[float],
    rule: LobeSettings,
) -> Lobe | None:
    """Tell the lobe of a point, or None where the fissures may lie on either side of it.

    The oblique fissure rises from the sixth rib in front to about the third to fifth thoracic
    vertebra behind (Gray's Anatomy, the lungs; Hayashi et al., RadioGraphics 21:861-874, 2001).
    With height and depth as shares of the lung's own it is close to a line; a point well above
    it lies in the upper lobe, one well below in the lower. On the right, where the horizontal
    fissure bounds the upper lobe from below, only the top of the lung is told; the middle lobe is
    never. A scan that cuts the apex tells no upper lobe, one that cuts the base no lower one.

    Args:
        extents: of both lungs, from `lung_extents`.
        side: the patient's side of the point.
        center_lps_mm: the point.
        rule: where each lobe is told.
    """
    if side is None or side not in extents:
        return None
    lung = extents[side]
    height = (center_lps_mm[2] - lung.low_mm) / lung.height_mm
    depth = (center_lps_mm[1] - lung.front_mm) / (lung.back_mm - lung.front_mm)
    depth = min(max(depth, 0.0), 1.0)
    if height >= rule.upper_from + rule.slope * depth and not lung.cut_above:
        return "upper" if side == "left" or height >= rule.right_upper_from else None
    if (
        height <= rule.lower_to + rule.slope * depth
        and depth >= rule.lower_depth
        and not lung.cut_below
    ):
        return "lower"
    return None


def _extent(
    half: NDArray[np.bool_], lungs: LungRegion, axis: int, min_section_mm2: float
) -> LungExtent | None:
    labels, count = ndimage.label(half)
    if count == 0:
        return None
    main: NDArray[Any] = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    geometry = lungs.geometry
    level_mm = abs(float(geometry.direction_irc[2, axis])) * geometry.spacing_irc_mm[axis]
    points = geometry.index_to_lps(np.argwhere(main))
    level = np.floor((points[:, 2] - points[:, 2].min()) / level_mm + 0.5).astype(int)
    section_mm2 = np.bincount(level) * geometry.voxel_volume_mm3 / level_mm
    counted = points[section_mm2[level] >= min_section_mm2]
    if len(counted) == 0:
        return None
    low, high = float(counted[:, 2].min()), float(counted[:, 2].max())
    middle = (np.asarray(geometry.shape_irc) - 1) / 2.0
    first, last = middle.copy(), middle.copy()
    first[axis], last[axis] = 0, 2 * middle[axis]
    bottom, top = sorted(geometry.index_to_lps(np.stack([first, last]))[:, 2])
    front, back = np.percentile(counted[:, 1], (0.5, 99.5))
    # Not by the last slice alone: the trachea always leaves through it.
    near_mm = 1.5 * level_mm
    return LungExtent(
        float(front),
        float(back),
        low,
        high,
        cut_below=bool(low - bottom < near_mm),
        cut_above=bool(top - high < near_mm),
    )
