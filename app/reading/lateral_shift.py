"""Slices that do not stand straight above each other: a tilted gantry, or a moved field of view.

The step from slice to slice is then not along the slice normal. Each slice is moved within its
plane, by linear interpolation, onto one orthogonal grid that is large enough for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.image_plane import ImagePlane
from nodulus.app.reading.message_words import millimetres
from nodulus.app.volume import VolumeWarning
from nodulus.transforms.hounsfield import AIR_HU

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SliceShift:
    """In-plane places of slices on a common grid.

    Args:
        offset_rc: shape (N, 2), where pixel (0, 0) of each slice lies on the common grid, in
            pixels; never negative.
        origin_rc: where the grid begins, in pixels from the first slice's first pixel.
        shape_rc: rows and columns of the common grid.
    """

    offset_rc: FloatArray
    origin_rc: tuple[float, float]
    shape_rc: tuple[int, int]


def lateral_shift(
    places_lps_mm: FloatArray, plane: ImagePlane, series_uid: str
) -> tuple[SliceShift | None, VolumeWarning | None]:
    """Find how far slices drift within their plane.

    Args:
        places_lps_mm: shape (N, 3), ImagePositionPatient in slice order.
        plane: what the images share.
        series_uid: for the error.

    Returns:
        None twice where the drift does not matter, else the shift and what to say of it.

    Raises:
        NodulusError: the drift is beyond what is mended.
    """
    moved = places_lps_mm - places_lps_mm[0]
    drift_rc_mm = np.stack([moved @ plane.column, moved @ plane.row], axis=1)
    widest = float(np.max(np.ptp(drift_rc_mm, axis=0)))
    if widest <= limits.LATERAL_JITTER_MM:
        return None, None
    heights = moved @ plane.slice_axis
    slope = np.polyfit(heights, drift_rc_mm, 1)
    angle = math.degrees(math.atan(float(np.linalg.norm(slope[0]))))
    is_tilt = bool(
        np.max(np.abs(drift_rc_mm - np.polynomial.polynomial.polyval(heights, slope[::-1]).T))
        <= max(limits.LATERAL_JITTER_MM, 0.05 * widest)
    )
    drift_rc = drift_rc_mm / np.asarray(plane.spacing_rc_mm)
    origin = drift_rc.min(axis=0)
    growth = np.ceil(np.ptp(drift_rc, axis=0) - 1e-6).astype(int)
    if angle > limits.MAX_TILT_DEGREES or np.any(growth > plane.shape_rc):
        raise NodulusError(
            ErrorCode.INCONSISTENT_SERIES,
            f"The slices drift sideways by {millimetres(widest)} over the series "
            f"({angle:.1f} degrees from their normal).",
            remedy="Give a series whose slices lie above each other.",
            subject=series_uid,
        )
    shape = (plane.shape_rc[0] + int(growth[0]), plane.shape_rc[1] + int(growth[1]))
    shift = SliceShift(drift_rc - origin, (float(origin[0]), float(origin[1])), shape)
    done = "each slice was moved in its plane (linear interpolation) onto an orthogonal grid."
    if is_tilt:
        warning = VolumeWarning(
            "tilted-gantry-resampled", f"The gantry was tilted by {angle:.1f} degrees; {done}"
        )
    else:
        warning = VolumeWarning(
            "shifted-slices-resampled",
            f"The slices are shifted sideways by up to {millimetres(widest)}; {done}",
        )
    return shift, warning


def place_slice(hu: NDArray[Any], offset_rc: FloatArray, shape_rc: tuple[int, int]) -> NDArray[Any]:
    """Put one slice onto the common grid.

    Args:
        hu: shape (R, C).
        offset_rc: where its first pixel lies, in pixels of the common grid.
        shape_rc: shape of the common grid.

    Returns:
        The grid, of the same type as ``hu``, with air where the slice does not reach.
    """
    whole = np.floor(offset_rc + 1e-6).astype(int)
    part = np.clip(offset_rc - whole, 0.0, 1.0)
    moved = hu.astype(np.float32)
    for axis, fraction in enumerate(part.tolist()):
        if fraction > 1e-4:
            before = [(1, 1) if k == axis else (0, 0) for k in range(2)]
            padded = np.pad(moved, before, constant_values=AIR_HU)
            head = np.take(padded, range(padded.shape[axis] - 1), axis)
            tail = np.take(padded, range(1, padded.shape[axis]), axis)
            moved = fraction * head + (1 - fraction) * tail
    if np.issubdtype(hu.dtype, np.integer):
        moved = np.rint(moved)
    grid = np.full(shape_rc, AIR_HU, dtype=hu.dtype)
    rows = min(moved.shape[0], shape_rc[0] - int(whole[0]))
    columns = min(moved.shape[1], shape_rc[1] - int(whole[1]))
    grid[whole[0] : whole[0] + rows, whole[1] : whole[1] + columns] = moved[:rows, :columns]
    return grid
