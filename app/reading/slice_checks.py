"""Checks that every image of a stack says what a volume needs."""

from __future__ import annotations

from collections import Counter
from typing import cast

import numpy as np

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.image_plane import ImagePlane, angle_degrees
from nodulus.app.reading.message_words import abbreviated, count
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.volume import VolumeWarning

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_REQUIRED = (
    ("Rows", "rows"),
    ("Columns", "columns"),
    ("BitsAllocated", "bits_allocated"),
    ("ImageOrientationPatient", "orientation"),
    ("ImagePositionPatient", "position_lps_mm"),
    ("PixelSpacing", "pixel_spacing_mm"),
)


def check_attributes(headers: tuple[SliceHeader, ...]) -> ImagePlane:
    """Check size, orientation and spacing, which all images of a stack share.

    Returns:
        The plane that they share.

    Raises:
        NodulusError: an attribute is missing or makes no sense, or the image is too large.
    """
    whole = [header for header in headers if header.damage is None]
    if not whole:
        raise _error(ErrorCode.TRUNCATED_FILE, "All files of the series are cut off.", headers[0])
    complete = [header for header in whole if header.position_lps_mm is not None]
    # A single odd image counts as a missing slice later; here all of them have to be odd.
    header = min(complete or whole, key=_is_odd)
    for keyword, field in _REQUIRED:
        if getattr(header, field) is None:
            if keyword in header.unreadable:
                message = f"{keyword} is not what it should be (a malformed number, or too many)."
                raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)
            raise _error(ErrorCode.MISSING_ATTRIBUTE, f"The images have no {keyword}.", header)
    for keyword in header.not_decodable_for:
        if keyword in header.absent:
            message = f"The images have no {keyword}."
            raise _error(ErrorCode.MISSING_ATTRIBUTE, message, header)
        raise _error(ErrorCode.INVALID_ATTRIBUTE, f"{keyword} is not what it should be.", header)
    _check_matrix(header)
    _check_orientation(header)
    spacing = cast("tuple[float, float]", header.pixel_spacing_mm)
    if not all(0.01 <= value <= 10.0 for value in spacing):
        message = f"PixelSpacing is {spacing[0]:g} x {spacing[1]:g} mm."
        raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)
    shape = cast("int", header.rows), cast("int", header.columns)
    return ImagePlane.from_orientation(
        shape, spacing, cast("tuple[float, ...]", header.orientation)
    )


def _check_matrix(header: SliceHeader) -> None:
    rows, columns = cast("int", header.rows), cast("int", header.columns)
    if not (1 < rows <= limits.MAX_MATRIX and 1 < columns <= limits.MAX_MATRIX):
        message = f"The image matrix is {rows} x {columns}; up to {limits.MAX_MATRIX} is read."
        raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)
    if not _bits_fit(header):
        message = f"BitsAllocated is {header.bits_allocated} and BitsStored {header.bits_stored}."
        raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)
    if header.samples_per_pixel != 1:
        message = f"The images have {header.samples_per_pixel} colours, CT has one."
        raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)
    if header.photometric not in _MONOCHROME:
        message = "PhotometricInterpretation is neither MONOCHROME1 nor MONOCHROME2, as CT has it."
        raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)


def _is_odd(header: SliceHeader) -> bool:
    """Whether no pixels can be made of an image's attributes."""
    is_gray = header.photometric in _MONOCHROME
    return bool(header.not_decodable_for) or not is_gray or not _bits_fit(header)


def _bits_fit(header: SliceHeader) -> bool:
    allocated = header.bits_allocated
    return allocated in limits.BITS_ALLOCATED and 0 < (header.bits_stored or 0) <= (allocated or 0)


def _check_orientation(header: SliceHeader) -> None:
    row, column = np.asarray(header.orientation, dtype=np.float64).reshape(2, 3)
    worst = max(
        abs(float(np.linalg.norm(row)) - 1),
        abs(float(np.linalg.norm(column)) - 1),
        abs(float(row @ column)),
    )
    if worst > limits.UNIT_VECTOR_TOLERANCE:
        message = "ImageOrientationPatient is not two orthogonal directions of unit length."
        raise _error(ErrorCode.INVALID_ATTRIBUTE, message, header)


def usable_slices(
    headers: tuple[SliceHeader, ...],
) -> tuple[list[SliceHeader], list[VolumeWarning]]:
    """Leave out damaged files and images without a position, and say so."""
    warnings: list[VolumeWarning] = []
    damaged = [header for header in headers if header.damage is not None]
    if damaged:
        names = abbreviated([f"{header.path.name}: {header.damage}" for header in damaged])
        warnings.append(
            VolumeWarning(
                "damaged-files-left-out",
                f"{count(len(damaged), 'image')} of the series cannot be read ({names}).",
            )
        )
    whole = [header for header in headers if header.damage is None]
    placed = [header for header in whole if header.position_lps_mm is not None]
    if len(placed) < len(whole):
        warnings.append(
            VolumeWarning(
                "images-without-position-left-out",
                f"{count(len(whole) - len(placed), 'image')} without ImagePositionPatient "
                "left out.",
            )
        )
    return placed, warnings


def steadied(
    plane: ImagePlane, headers: list[SliceHeader]
) -> tuple[ImagePlane, VolumeWarning | None]:
    """Take the usual direction of images whose directions wobble, and say so.

    That is the one that a third of them has at least, else the median.

    Args:
        plane: with the direction of one image.
        headers: images with an orientation.
    """
    orientations = np.array([header.orientation for header in headers], dtype=np.float64)
    if orientations.shape != (len(headers), 6) or not len(headers):
        return plane, None
    usual, times = Counter(map(tuple, np.round(orientations, 4).tolist())).most_common(1)[0]
    own = orientations[np.all(np.round(orientations, 4) == usual, axis=1)][0]
    middle = tuple((own if times >= len(headers) / 3 else np.median(orientations, axis=0)).tolist())
    widest = max(angle_degrees(header.orientation, middle) for header in headers)
    if widest <= limits.STEADY_DEGREES:
        return plane, None
    warning = VolumeWarning(
        "orientation-wobbles",
        f"The images' directions differ by up to {widest:.2f} degrees from the usual one; all were "
        "taken to lie in that.",
    )
    return ImagePlane.from_orientation(plane.shape_rc, plane.spacing_rc_mm, middle), warning


def _error(code: ErrorCode, message: str, header: SliceHeader) -> NodulusError:
    return NodulusError(
        code,
        message,
        remedy="Export the series again from the scanner or archive, unchanged.",
        subject=header.series_uid,
    )
