"""From the headers of a stack to a plan: which image becomes which slice of an even grid.

Everything that can be known without pixels is decided here, so that a series that cannot be
mended is passed over for one that can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.image_plane import ImagePlane
from nodulus.app.reading.lateral_shift import SliceShift, lateral_shift
from nodulus.app.reading.message_words import count
from nodulus.app.reading.mixed_sets import check_not_mixed
from nodulus.app.reading.rounded_positions import apart_by_location, unrounded
from nodulus.app.reading.slice_checks import check_attributes, steadied, usable_slices
from nodulus.app.reading.slice_grid import EvenGrid, even_grid, merge_positions
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.volume import VolumeWarning
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SlicePlan:
    """How a volume is put together.

    Args:
        slices: one image a position, in order along the slice axis.
        rivals: (index into ``slices``, another image at that position): to be compared.
        source_of_output: shape (I,), for each output slice its fractional index into ``slices``.
        shift: how each slice is moved in its plane; None where none has to be.
        plane: what all images share.
        geometry: the output grid.
        warnings: what is mended.
    """

    slices: tuple[SliceHeader, ...]
    rivals: tuple[tuple[int, SliceHeader], ...]
    source_of_output: FloatArray
    shift: SliceShift | None
    plane: ImagePlane
    geometry: Geometry
    warnings: tuple[VolumeWarning, ...]

    @property
    def is_source_grid(self) -> bool:
        """Whether output slice i is source slice i, untouched."""
        return self.shift is None and np.array_equal(
            self.source_of_output, np.arange(len(self.slices))
        )


def plan_slices(headers: tuple[SliceHeader, ...]) -> SlicePlan:
    """Sort slices by position, merge doubled ones and lay an even, orthogonal grid through them.

    Args:
        headers: the images of one stack, in any order.

    Raises:
        NodulusError: an attribute is missing or invalid, or the slices are too uneven, too many
            are missing, or they are tilted beyond what is mended.
    """
    series_uid = headers[0].series_uid
    plane = check_attributes(headers)
    usable, warnings = usable_slices(headers)
    plane, wobble_warning = steadied(plane, usable)
    axis = plane.slice_axis
    where = _places(usable, plane, wobble_warning is not None)
    heights = where @ axis
    rounded = apart_by_location(heights, usable)
    if rounded is not None:
        where = where + np.outer(rounded[0] - heights, axis)
        heights = rounded[0]
    order = sorted(range(len(usable)), key=lambda k: (heights[k], _preference(usable[k])))
    groups = merge_positions(heights[order])
    chosen: list[int] = []
    rivals = []
    for group in groups:
        first, *others = sorted((order[k] for k in group), key=lambda k: _preference(usable[k]))
        chosen.append(first)
        rivals += [(len(chosen) - 1, usable[other]) for other in others]
    kept = [usable[k] for k in chosen]
    if len(kept) < 2:
        raise NodulusError(
            ErrorCode.TOO_FEW_SLICES,
            f"The series holds {count(len(kept), 'slice')} at different positions.",
            remedy="Give the folder of a whole CT series.",
            subject=series_uid,
        )
    places = where[chosen]
    evened = unrounded(places @ axis, kept)
    if evened is not None:
        rounded = evened
        places = places + np.outer(rounded[0] - places @ axis, axis)
    check_not_mixed(places @ axis, kept, series_uid)
    grid = even_grid(places @ axis, series_uid)
    shift, shift_warning = lateral_shift(places, plane, series_uid)
    warnings += grid.warnings
    warnings += [
        warning
        for warning in (wobble_warning, None if rounded is None else rounded[1], shift_warning)
        if warning is not None
    ]
    geometry = _geometry(plane, places, grid, shift)
    _check_size(geometry, series_uid)
    return SlicePlan(
        slices=tuple(kept),
        rivals=tuple(rivals),
        source_of_output=grid.source_of_output,
        shift=shift,
        plane=plane,
        geometry=geometry,
        warnings=tuple(warnings),
    )


def _places(headers: Sequence[SliceHeader], plane: ImagePlane, wobbles: bool) -> FloatArray:
    """Where the first pixel of each image lies, mm; of images that wobble, by their centres.

    Directions that differ a little move an image's corner by millimetres and its centre hardly.
    """
    positions = np.array([header.position_lps_mm for header in headers], dtype=np.float64)
    if not wobbles:
        return positions
    shifts = np.array([plane.shift_from(header.orientation or ()) for header in headers])
    corners: FloatArray = positions + shifts
    return corners


def _preference(header: SliceHeader) -> tuple[Any, ...]:
    """Of images at one position the first by number is kept."""
    number = header.instance_number
    return number is None, number or 0, header.sop_instance_uid, str(header.path)


def _geometry(
    plane: ImagePlane, places: FloatArray, grid: EvenGrid, shift: SliceShift | None
) -> Geometry:
    axis = plane.slice_axis
    in_plane = places - np.outer(places @ axis, axis)
    if shift is None:
        shape_rc = plane.shape_rc
        corner = np.median(in_plane, axis=0)
    else:
        shape_rc = shift.shape_rc
        rows_mm, columns_mm = np.multiply(shift.origin_rc, plane.spacing_rc_mm)
        corner = in_plane[0] + plane.column * rows_mm + plane.row * columns_mm
    return Geometry.from_dicom(
        (len(grid.source_of_output), *shape_rc),
        np.concatenate([plane.row, plane.column]),
        corner + axis * grid.start_mm,
        axis * grid.spacing_mm,
        plane.spacing_rc_mm,
    )


def _check_size(geometry: Geometry, series_uid: str) -> None:
    voxels = int(np.prod([float(n) for n in geometry.shape_irc]))
    if voxels > limits.MAX_VOXELS:
        slices, rows, columns = geometry.shape_irc
        raise NodulusError(
            ErrorCode.INVALID_ATTRIBUTE,
            f"The volume would have {slices} x {rows} x {columns} voxels, "
            f"more than {limits.MAX_VOXELS:,}.",
            remedy="Check Rows, Columns and the number of slices, or resample the scan first.",
            subject=series_uid,
        )
