"""Positions that an exporter rounded, so that even slices look uneven.

Slices 1.25 mm apart, written in whole millimetres, come out at 0, 1, 3, 4, 5, 6, 8: as if slices
were missing. Rounding is told from missing slices by what was not rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nodulus.app.reading import limits
from nodulus.app.reading.message_words import millimetres
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.volume import VolumeWarning

FloatArray = NDArray[np.float64]

_QUANTA_MM = (1.0, 0.5, 0.1)
_WITHIN = 0.02
"""How far a distance that was not rounded may be from the mean distance, as a part of it."""


def unrounded(
    heights_mm: FloatArray, headers: Sequence[SliceHeader]
) -> tuple[FloatArray, VolumeWarning] | None:
    """The heights before they were rounded, where they were.

    Args:
        heights_mm: of slices in order, all different.
        headers: of the same slices.

    Returns:
        Even heights and what to say; None where nothing tells that the heights were rounded:
        they are even as they are, are no multiples of a step, or are further from an even grid
        than rounding puts them; or InstanceNumber, SliceLocation and SliceThickness do not bear
        it out.
    """
    count = len(heights_mm)
    steps = np.diff(heights_mm)
    if count < limits.MIN_SLICES or float(np.ptp(steps)) <= 2 * limits.JITTER_MM:
        return None
    quantum = next((q for q in _QUANTA_MM if _is_multiple(steps, q)), None)
    mean = float(heights_mm[-1] - heights_mm[0]) / (count - 1)
    if quantum is None or float(np.ptp(steps)) > quantum * 1.01:
        return None
    spacing = _stated_spacing(headers, mean, quantum / (count - 1))
    if spacing is None or not _are_consecutive(headers):
        return None
    grid = np.asarray(spacing * np.arange(count), dtype=np.float64)
    start = float(np.mean([np.max(heights_mm - grid), np.min(heights_mm - grid)]))
    if float(np.max(np.abs(heights_mm - grid - start))) > quantum / 2 + limits.JITTER_MM:
        return None
    evened: FloatArray = grid + start
    return evened, _warning(quantum, spacing)


def apart_by_location(
    heights_mm: FloatArray, headers: Sequence[SliceHeader]
) -> tuple[FloatArray, VolumeWarning] | None:
    """The heights of images that rounding has put at one place, by SliceLocation.

    Args:
        heights_mm: of the images, in any order.
        headers: of the same images.

    Returns:
        A height of its own for each; None where no two images share a place, or SliceLocation does
        not go in even steps that rounding has made of these heights.
    """
    locations = [header.slice_location_mm for header in headers]
    if len(headers) < limits.MIN_SLICES or None in locations:
        return None
    shared = np.diff(np.sort(heights_mm)) <= limits.SAME_POSITION_MM
    own = np.array(locations, dtype=np.float64)
    steps = np.diff(np.sort(own))
    even = float(np.ptp(steps)) <= 2 * limits.JITTER_MM
    if not shared.any() or not even or float(steps[0]) <= limits.SAME_POSITION_MM:
        return None
    if float(np.cov(own, heights_mm)[0, 1]) < 0:
        own = -own
    quantum = next((q for q in _QUANTA_MM if _is_multiple(np.diff(np.sort(heights_mm)), q)), None)
    off = heights_mm - own
    if quantum is None or float(np.ptp(off)) > quantum + 2 * limits.JITTER_MM:
        return None
    order = np.argsort(own)
    if not _are_consecutive([headers[k] for k in order]):
        return None
    start = float(np.mean([np.max(off), np.min(off)]))
    return np.asarray(own + start, dtype=np.float64), _warning(quantum, float(np.mean(steps)))


def _warning(quantum_mm: float, spacing_mm: float) -> VolumeWarning:
    return VolumeWarning(
        "positions-rounded",
        f"The slices' positions were rounded to {millimetres(quantum_mm)}; by the rest of the "
        f"header the slices are {millimetres(spacing_mm)} apart, and that was used.",
    )


def _is_multiple(steps: FloatArray, quantum: float) -> bool:
    return bool(np.all(np.abs(steps / quantum - np.round(steps / quantum)) < 1e-3))


def _stated_spacing(headers: Sequence[SliceHeader], mean_mm: float, more_mm: float) -> float | None:
    """The distance by SliceLocation or SliceThickness that agrees with the mean distance."""
    stated: list[float] = []
    locations = [header.slice_location_mm for header in headers]
    if None not in locations:
        steps = np.abs(np.diff(np.array(locations, dtype=np.float64)))
        if float(np.ptp(steps)) <= 2 * limits.JITTER_MM:
            stated.append(float(np.mean(steps)))
    thicknesses = {header.thickness_mm for header in headers}
    if len(thicknesses) == 1 and (thickness := thicknesses.pop()):
        stated.append(thickness)
    return next((s for s in stated if abs(s - mean_mm) <= _WITHIN * mean_mm + more_mm), None)


def _are_consecutive(headers: Sequence[SliceHeader]) -> bool:
    """Whether InstanceNumber leaves no slice out, as far as it is stated."""
    numbers = [header.instance_number for header in headers if header.frame is None]
    if not numbers or None in numbers:
        return True
    steps = np.diff(np.array(numbers, dtype=np.int64))
    return bool(np.all(steps == 1) or np.all(steps == -1))
