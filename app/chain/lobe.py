"""The lobe of a point, where fissures or its place in the lung leave no doubt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodulus.app.chain.lung_extent import LungExtent, lung_extents
from nodulus.app.chain.lung_fissures import LungFissures, find_lung_fissures
from nodulus.app.chain.settings_sections import FissureSettings, LobeSettings
from nodulus.app.result import LOBES, LobeName, SideName
from nodulus.app.volume import CtVolume
from nodulus.transforms.lung_region import LungRegion


class Lobes:
    """The lobes of a scan; the fissures of a lung are found when it is first asked for.

    Args:
        volume: the CT.
        lungs: its lungs.
        rule: where fissures are expected.
        search: how they are searched for.
    """

    def __init__(
        self, volume: CtVolume, lungs: LungRegion, rule: LobeSettings, search: FissureSettings
    ) -> None:
        self._volume, self._lungs, self._rule, self._search = volume, lungs, rule, search
        self._extents: dict[SideName, LungExtent] | None = None
        self._fissures: dict[SideName, LungFissures] = {}

    def possible(
        self, side: SideName | None, center_lps_mm: Sequence[float]
    ) -> tuple[LobeName, ...]:
        """The lobes that a point may lie in, from above; all of the lung's where nothing tells.

        Args:
            side: the patient's side of the point; without one there are none.
            center_lps_mm: the point.
        """
        if side is None:
            return ()
        extent = self._extent(side)
        if extent is None:
            return LOBES[side]
        told = _by_place(extent, side, center_lps_mm, self._rule)
        seen = _by_fissures(self.fissures(side), side, center_lps_mm)
        return tuple(lobe for lobe in told if lobe in seen) or LOBES[side]

    def fissures(self, side: SideName) -> LungFissures:
        """The fissures of a lung; none where the lungs do not tell where to look for them."""
        if side not in self._fissures:
            extent = self._extent(side)
            self._fissures[side] = (
                LungFissures(None, None)
                if extent is None or (extent.cut_above and extent.cut_below)
                else find_lung_fissures(
                    self._volume, self._lungs, side, extent, self._rule, self._search
                )
            )
        return self._fissures[side]

    def _extent(self, side: SideName) -> LungExtent | None:
        if self._extents is None:
            self._extents = lung_extents(self._lungs, self._rule)
        return self._extents.get(side)


def _by_fissures(
    fissures: LungFissures, side: SideName, center_lps_mm: Sequence[float]
) -> tuple[LobeName, ...]:
    point = np.asarray(center_lps_mm, dtype=np.float64)[None]
    oblique = 0 if fissures.oblique is None else int(fissures.oblique.side_of(point)[0])
    if oblique < 0:
        return ("lower",)
    lower: tuple[LobeName, ...] = () if oblique > 0 else ("lower",)
    if side == "left":
        return ("upper", *lower)
    horizontal = 0 if fissures.horizontal is None else int(fissures.horizontal.side_of(point)[0])
    above: tuple[LobeName, ...] = ("upper",) if horizontal > 0 else ("middle",)
    return (*(above if horizontal else LOBES["right"][:2]), *lower)


def _by_place(
    extent: LungExtent, side: SideName, center_lps_mm: Sequence[float], rule: LobeSettings
) -> tuple[LobeName, ...]:
    """Leave out the lobes that do not reach to a point by its height and depth alone.

    The oblique fissure rises from the sixth rib in front to about the third to fifth thoracic
    vertebra behind (Gray's Anatomy, the lungs; Hayashi et al., RadioGraphics 21:861-874, 2001).
    With height and depth as shares of the lung's own it is close to a line; well above it there is
    no lower lobe, well below it no other. The right horizontal fissure bounds the upper lobe from
    below and the middle lobe from above. Where the scan cuts the apex, shares of what is left are
    too high, and no lobe is left out for being too low; where it cuts the base, none for being too
    high.
    """
    height = (center_lps_mm[2] - extent.low_mm) / extent.height_mm
    depth = (center_lps_mm[1] - extent.front_mm) / extent.depth_mm
    depth = min(max(depth, 0.0), 1.0)
    out: set[LobeName] = set()
    if not extent.cut_above:
        if height >= rule.upper_from + rule.slope * depth:
            out.add("lower")
        if height >= rule.right_upper_from:
            out.add("middle")
    if not extent.cut_below:
        if height <= rule.lower_to + rule.slope * depth and depth >= rule.lower_depth:
            out.update(("upper", "middle"))
        if side == "right" and height <= rule.right_middle_to:
            out.add("upper")
    return tuple(lobe for lobe in LOBES[side] if lobe not in out)
