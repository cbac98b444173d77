"""The trachea, which is no part of the lungs.

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import BoolArray

LUMEN_BELOW_HU = -800.0
OFF_MIDDLE_MM = 25.0
START_MM2 = (60.0, 700.0)
SMALLEST_MM2, LARGEST_MM2 = 40.0, 1000.0
LONG_ENOUGH_MM = 60.0
GROWTH, GROWTH_MM2 = 1.6, 60.0
TYPICAL_OF_MM = 30.0


def find_trachea(
    volume: NDArray[np.float32],
    air: BoolArray,
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
) -> BoolArray:
    """Follow the trachea's lumen from the top slice down, until it widens or is lost.

    As Hu, Hoffman and Reinhardt (IEEE Trans. Med. Imaging 20:490-498, 2001) do: the seed is a
    disc of air near the middle of an upper slice, and each slice gives the next one its own. Where
    it is lost within ``LONG_ENOUGH_MM``, as at the glottis, a new seed is looked for below.

    Args:
        volume: HU.
        air: that the body encloses.
        middle: the x index of the mid-plane at each z.
        spacing: mm along z, y, x.
    """
    pixel_mm2 = float(spacing[1] * spacing[2])
    lumen = air & (volume < LUMEN_BELOW_HU)
    result = np.zeros_like(air)
    disc: BoolArray | None = None
    areas: list[float] = []
    for z in range(len(volume) - 1, -1, -1):
        if disc is not None:
            disc = _next_disc(disc, lumen[z], pixel_mm2, areas, spacing[0])
            if disc is None:
                if len(areas) * spacing[0] >= LONG_ENOUGH_MM:
                    break
                areas = []
        if disc is None:
            disc = _seed(lumen[z], float(middle[z]), pixel_mm2, float(spacing[2]))
        if disc is not None:
            areas.append(float(disc.sum()) * pixel_mm2)
            result[z] = disc
    return result


def _seed(lumen: BoolArray, middle: float, pixel_mm2: float, column_mm: float) -> BoolArray | None:
    """The disc of air that lies nearest to the mid-plane."""
    labels, count = ndimage.label(lumen)
    area = np.bincount(labels.ravel(), minlength=count + 1) * pixel_mm2
    fits = np.flatnonzero((area >= START_MM2[0]) & (area <= START_MM2[1]))
    fits = fits[fits > 0]
    if len(fits) == 0:
        return None
    centers = np.asarray(ndimage.center_of_mass(lumen, labels, fits))[:, 1]
    off_mm = np.abs(centers - middle) * column_mm
    best = int(np.argmin(off_mm))
    return np.asarray(labels == fits[best]) if off_mm[best] < OFF_MIDDLE_MM else None


def _next_disc(
    disc: BoolArray, lumen: BoolArray, pixel_mm2: float, areas: list[float], slice_mm: float
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
    typical = float(np.median(areas[-max(1, round(TYPICAL_OF_MM / slice_mm)) :]))
    most = min(LARGEST_MM2, GROWTH * typical + GROWTH_MM2)
    return found if SMALLEST_MM2 <= area <= most else None
