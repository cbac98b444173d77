"""How far each lung reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.settings_sections import LobeSettings
from nodulus.app.result import SideName
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.lungs import axial_axis

SIDE_LABELS: dict[SideName, int] = {"left": LEFT, "right": RIGHT}
"""Of each lung in `LungRegion.sides`."""


@dataclass(frozen=True)
class LungExtent:
    """How far one lung reaches, patient LPS mm.

    Args:
        x_mm: LPS x of its right-most and its left-most point.
        front_mm: LPS y of its front.
        back_mm: LPS y of its back.
        low_mm: LPS z of its lowest level.
        high_mm: LPS z of its highest level.
        cut_below: the scan ends within it, at the bottom.
        cut_above: the scan ends within it, at the top.
    """

    x_mm: tuple[float, float]
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

    def whole(self, height_per_depth: float) -> LungExtent:
        """What the lung reaches to, with what the scan cuts off supposed.

        Args:
            height_per_depth: of a lung that the scan shows in whole.
        """
        height = max(self.height_mm, height_per_depth * self.depth_mm)
        low = self.high_mm - height if self.cut_below else self.low_mm
        high = self.low_mm + height if self.cut_above else self.high_mm
        return replace(self, low_mm=low, high_mm=high)

    @property
    def depth_mm(self) -> float:
        """From the front to the back."""
        return self.back_mm - self.front_mm


def lung_extents(lungs: LungRegion, rule: LobeSettings) -> dict[SideName, LungExtent]:
    """Measure both lungs; empty where they are too short or too unlike each other to judge by.

    Of each lung only the largest connected part counts, so that no gas of the bowel
    does. Lungs of unlike height were operated on, have collapsed or are pushed aside; their
    fissures lie elsewhere.

    Args:
        lungs: the lungs.
        rule: what is too short, and what is no lung.
    """
    axis = axial_axis(lungs.geometry)
    measured = {
        side: _extent(lungs.sides == label, lungs, axis, rule.min_section_mm2)
        for side, label in SIDE_LABELS.items()
    }
    extents = {side: extent for side, extent in measured.items() if extent is not None}
    heights = [extent.height_mm for extent in extents.values()]
    alike = len(heights) == 2 and min(heights) >= rule.min_height_ratio * max(heights)
    return extents if alike and min(heights) >= rule.min_height_mm else {}


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
        (float(counted[:, 0].min()), float(counted[:, 0].max())),
        float(front),
        float(back),
        low,
        high,
        cut_below=bool(low - bottom < near_mm),
        cut_above=bool(top - high < near_mm),
    )
