"""How much of the lungs a scan shows, by how their cross-section goes on where it is cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.settings_sections import CoverageSettings
from nodulus.transforms.lung_region import LungRegion

FloatArray = NDArray[np.float64]

USUAL_SECTION = np.array(
    [0.01, 0.12, 0.34, 0.85, 1.41, 1.46, 1.52, 1.54, 1.59, 1.61, 1.65,
     1.55, 1.52, 1.45, 1.30, 1.16, 0.89, 0.59, 0.25, 0.02, 0.01]
)  # fmt: skip
"""Cross-section of both lungs from the lowest slice to the highest, over its mean.

The median of 13 complete scans of adults of seven public collections (TCIA), whose lungs were 258
to 345 mm long.
"""
_LENGTHS_MM = np.arange(200.0, 361.0, 5.0)
"""Tried one after the other."""


@dataclass(frozen=True)
class LungCoverage:
    """How much of the lungs is in a scan.

    Args:
        share: of their volume, estimated; 1 where neither end cuts them.
        cut_cm2: cross-section of the lungs in the lowest and in the highest slice; 0 where it is
            small enough to cut nothing off.
    """

    share: float
    cut_cm2: tuple[float, float]

    @property
    def is_partial(self) -> bool:
        """Whether an end of the scan cuts the lungs."""
        return max(self.cut_cm2) > 0


WHOLE = LungCoverage(1.0, (0.0, 0.0))
"""No end of the scan cuts the lungs."""


def lung_coverage(lungs: LungRegion, chosen: CoverageSettings) -> LungCoverage:
    """Estimate how much of the lungs a scan shows.

    The usual course of the lungs' cross-section is laid over the one that is seen, in the length
    and at the place where it fits best (least squares, with the usual length as prior); what it
    has outside of the scan is what is missing.

    Args:
        lungs: the lungs of a scan, in any orientation of its axes.
        chosen: what counts as cut, and the usual length.
    """
    axis, section = _section(lungs)
    spacing_mm = lungs.geometry.spacing_irc_mm[axis]
    ends = (float(section[0]), float(section[-1]))
    low, high = (end if end >= chosen.cut_cm2 else 0.0 for end in ends)
    if not low and not high:
        return WHOLE
    share = covered_share(section, spacing_mm, chosen, is_cut=(low > 0, high > 0))
    return LungCoverage(round(share, 2), (round(low, 1), round(high, 1)))


def covered_share(
    section: FloatArray, spacing_mm: float, chosen: CoverageSettings, *, is_cut: tuple[bool, bool]
) -> float:
    """The share of the lungs' volume that a part of their cross-section's course makes up.

    Args:
        section: cm2, from the lowest slice to the highest.
        spacing_mm: between the slices.
        chosen: the usual length, and how much it counts.
        is_cut: whether the lungs go on below and above.
    """
    seen = np.flatnonzero(section > 0.01 * section.max())
    first = 0 if is_cut[0] else int(seen[0])
    last = len(section) - 1 if is_cut[1] else int(seen[-1])
    part = section[first : last + 1]
    height = (np.arange(len(part)) + 0.5) * spacing_mm
    extent = len(part) * spacing_mm
    best = (np.inf, 1.0)
    for length in _LENGTHS_MM:
        for start in _starts(extent, float(length), is_cut):
            at = (height + start) / length
            usual = np.interp(at, np.linspace(0, 1, len(USUAL_SECTION)), USUAL_SECTION, 0.0, 0.0)
            energy = float(usual @ usual)
            if energy == 0:
                continue
            scale = float(usual @ part) / energy
            misfit = float(np.sum((part - scale * usual) ** 2) / np.sum(part**2))
            unusual = (length - chosen.usual_length_mm) / chosen.length_sd_mm
            cost = misfit + chosen.length_weight * unusual**2
            if cost < best[0]:
                whole = scale * float(np.mean(USUAL_SECTION)) * length / spacing_mm
                missing = max(0.0, whole - scale * float(usual.sum()))
                best = (cost, float(part.sum() / (part.sum() + missing)))
    return best[1]


def _starts(extent: float, length: float, is_cut: tuple[bool, bool]) -> FloatArray:
    """How far above the lowest end of the lungs the part may begin, mm."""
    if not is_cut[0]:
        return np.array([0.0])
    if not is_cut[1]:
        return np.array([length - extent]) if length > extent else np.array([0.0])
    room = max(0.0, length - extent)
    return np.arange(0.0, room + 1.0, 5.0)


def _section(lungs: LungRegion) -> tuple[int, FloatArray]:
    """The axis nearest to the body's, and the cross-section along it, cm2, from the feet up."""
    columns = lungs.geometry.affine_lps[:3, :3]
    axis = int(np.argmax(np.abs(columns[2]) / np.linalg.norm(columns, axis=0)))
    others = tuple(k for k in range(3) if k != axis)
    area_cm2 = float(np.prod([lungs.geometry.spacing_irc_mm[k] for k in others])) / 100.0
    section = lungs.aerated.sum(axis=others).astype(np.float64) * area_cm2
    return axis, section if columns[2, axis] >= 0 else section[::-1]
