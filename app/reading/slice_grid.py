"""Lays an even grid through slice positions, or says why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.message_words import count, millimetres
from nodulus.app.volume import VolumeWarning

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EvenGrid:
    """Evenly spaced slices.

    Args:
        start_mm: height of output slice 0.
        spacing_mm: distance between output slices.
        source_of_output: for each output slice its fractional index among the source slices.
        warnings: what was filled in or resampled.
    """

    start_mm: float
    spacing_mm: float
    source_of_output: FloatArray
    warnings: tuple[VolumeWarning, ...] = ()


def merge_positions(heights_mm: FloatArray) -> list[list[int]]:
    """Group sorted heights that are one position.

    Heights are one position when they are less than 0.01 mm, or than a twentieth of the median
    distance between slices, from the first of their group.
    """
    steps = np.diff(heights_mm)
    steps = steps[steps > limits.SAME_POSITION_MM]
    usual = float(np.median(steps)) if steps.size else 0.0
    tolerance = max(limits.SAME_POSITION_MM, limits.SAME_POSITION_FRACTION * usual)
    groups: list[list[int]] = []
    for index, height in enumerate(heights_mm.tolist()):
        if groups and height - float(heights_mm[groups[-1][0]]) <= tolerance:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def even_grid(heights_mm: FloatArray, series_uid: str) -> EvenGrid:
    """The even grid of slices at these heights.

    Even slices, up to jitter, keep their grid. Where whole slices are missing, they are to be
    interpolated; other uneven slices are to be resampled at about the median distance.

    Args:
        heights_mm: strictly increasing, at least two.
        series_uid: for the error.

    Raises:
        NodulusError: a gap is too wide, or too many slices are missing.
    """
    steps = np.diff(heights_mm)
    usual = float(np.median(steps))
    index = np.concatenate([[0.0], np.cumsum(np.maximum(1.0, np.round(steps / usual)))])
    # Nine decimals: beyond what files hold, short of rounding dust.
    spacing, start = np.round(np.polyfit(index, heights_mm, 1), 9)
    off_grid = np.abs(heights_mm - (start + spacing * index))
    if np.max(off_grid) <= max(limits.JITTER_MM, limits.JITTER_FRACTION * spacing):
        return _with_gaps(index, float(start), float(spacing), steps, series_uid)
    return _resampled(heights_mm, steps, usual, series_uid)


def _with_gaps(
    index: FloatArray, start: float, spacing: float, steps: FloatArray, series_uid: str
) -> EvenGrid:
    total = int(index[-1]) + 1
    missing = total - len(index)
    source = np.interp(np.arange(total), index, np.arange(len(index)))
    if missing == 0:
        return EvenGrid(start, spacing, source)
    widest = float(np.max(steps))
    if widest > limits.MAX_GAP_MM + limits.JITTER_MM or missing > max(
        1, limits.MAX_MISSING_FRACTION * total
    ):
        raise NodulusError(
            ErrorCode.MISSING_SLICES,
            f"{missing} of {total} slices are missing; the widest gap is {millimetres(widest)}.",
            remedy="Send the whole series again: a nodule may lie in the gap.",
            subject=series_uid,
        )
    warning = VolumeWarning(
        "missing-slices-interpolated",
        f"{missing} of {total} slices are missing and were interpolated linearly between their "
        f"neighbours (widest gap {millimetres(widest)}).",
    )
    return EvenGrid(start, spacing, source, (warning,))


def _resampled(
    heights_mm: FloatArray, steps: FloatArray, usual: float, series_uid: str
) -> EvenGrid:
    low, high = float(np.min(steps)), float(np.max(steps))
    if high > limits.MAX_GAP_MM + limits.JITTER_MM or high > limits.MAX_GAP_RATIO * usual:
        raise NodulusError(
            ErrorCode.UNEVEN_SLICES,
            f"The distance between slices goes from {millimetres(low)} to {millimetres(high)}; "
            f"the usual one is {millimetres(usual)}.",
            remedy="Give a series with even slices, or send the missing slices.",
            subject=series_uid,
        )
    extent = float(heights_mm[-1] - heights_mm[0])
    total = round(extent / usual) + 1
    targets = heights_mm[0] + np.linspace(0.0, extent, total)
    source = np.interp(targets, heights_mm, np.arange(len(heights_mm)))
    spacing = extent / (total - 1)
    warning = VolumeWarning(
        "uneven-slices-resampled",
        f"The distance between slices goes from {millimetres(low)} to {millimetres(high)}; "
        f"{count(total, 'slice')} were interpolated linearly, {millimetres(spacing)} apart.",
    )
    return EvenGrid(float(heights_mm[0]), spacing, source, (warning,))
