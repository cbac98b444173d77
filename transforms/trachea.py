"""The trachea, which is no part of the lungs.

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import BoolArray


@dataclass(frozen=True)
class TracheaRule:
    """What the trachea's lumen is known by.

    Args:
        lumen_below_hu: its air.
        off_middle_mm: a seed lies nearer to the mid-plane.
        start_mm2: areas of a seed.
        smallest_mm2: area of its section.
        largest_mm2: the same.
        growth: of its area, above the typical one, up to where it opens into something wider.
        growth_mm2: added to that.
        typical_of_mm: the typical area is the median over so much above.
        long_enough_mm: lost after so much, it has ended; before, another seed is looked for.
    """

    lumen_below_hu: float
    off_middle_mm: float
    start_mm2: tuple[float, float]
    smallest_mm2: float
    largest_mm2: float
    growth: float
    growth_mm2: float
    typical_of_mm: float
    long_enough_mm: float


def find_trachea(
    volume: NDArray[np.float32],
    air: BoolArray,
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
    rule: TracheaRule,
) -> BoolArray:
    """Follow the trachea's lumen from the top slice down, until it widens or is lost.

    As Hu, Hoffman and Reinhardt (IEEE Trans. Med. Imaging 20:490-498, 2001) do: the seed is a
    disc of air near the middle of an upper slice, and each slice gives the next one its own. Where
    it is lost within ``long_enough_mm``, as at the glottis, a new seed is looked for below.

    Args:
        volume: HU.
        air: that the body encloses.
        middle: the x index of the mid-plane at each z.
        spacing: mm along z, y, x.
        rule: what its lumen is known by.
    """
    pixel_mm2 = float(spacing[1] * spacing[2])
    lumen = air & (volume < rule.lumen_below_hu)
    result = np.zeros_like(air)
    disc: BoolArray | None = None
    areas: list[float] = []
    for z in range(len(volume) - 1, -1, -1):
        if disc is not None:
            disc = _next_disc(disc, lumen[z], pixel_mm2, areas, spacing[0], rule)
            if disc is None:
                if len(areas) * spacing[0] >= rule.long_enough_mm:
                    break
                areas = []
        if disc is None:
            disc = _seed(lumen[z], float(middle[z]), pixel_mm2, float(spacing[2]), rule)
        if disc is not None:
            areas.append(float(disc.sum()) * pixel_mm2)
            result[z] = disc
    return result


def _seed(
    lumen: BoolArray, middle: float, pixel_mm2: float, column_mm: float, rule: TracheaRule
) -> BoolArray | None:
    """The disc of air that lies nearest to the mid-plane."""
    labels, count = ndimage.label(lumen)
    area = np.bincount(labels.ravel(), minlength=count + 1) * pixel_mm2
    low, high = rule.start_mm2
    fits = np.flatnonzero((area >= low) & (area <= high))
    fits = fits[fits > 0]
    if len(fits) == 0:
        return None
    centers = np.asarray(ndimage.center_of_mass(lumen, labels, fits))[:, 1]
    off_mm = np.abs(centers - middle) * column_mm
    best = int(np.argmin(off_mm))
    return np.asarray(labels == fits[best]) if off_mm[best] < rule.off_middle_mm else None


def _next_disc(
    disc: BoolArray,
    lumen: BoolArray,
    pixel_mm2: float,
    areas: list[float],
    slice_mm: float,
    rule: TracheaRule,
) -> BoolArray | None:
    """What the lumen is one slice below; None where it ends or opens into something wider."""
    near = ndimage.binary_dilation(disc, iterations=2) & lumen
    labels, count = ndimage.label(near)
    shared = np.bincount(labels[disc], minlength=count + 1)
    shared[0] = 0
    if not shared.any():
        return None
    found = np.asarray(labels == np.argmax(shared))
    area = float(found.sum()) * pixel_mm2
    typical = float(np.median(areas[-max(1, round(rule.typical_of_mm / slice_mm)) :]))
    most = min(rule.largest_mm2, rule.growth * typical + rule.growth_mm2)
    return found if rule.smallest_mm2 <= area <= most else None
