"""One slice of a CT from its own file, for the first picture, before the series is read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from nodulus.app.errors import NodulusError
from nodulus.app.reading.dicom_file import read_headers
from nodulus.app.reading.files import is_research_format, list_files, may_be_dicom
from nodulus.app.reading.pixels import (
    UnreadablePixelsError,
    apply_rescale,
    decode,
    hounsfield_type,
)
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.results.file_plan import SEG_FILE
from nodulus.transforms.geometry import Geometry

_TOLERANCE_MM = 0.1
_TOLERANCE_SLICES = 0.1
_HEAD_BYTES = 2048
"""With the preamble, the file's meta information and the first data elements."""
_PATIENCE_S = 0.5
"""Of looking into files; the whole series is read meanwhile."""


def early_slice(
    place: Path, folder: Path, geometry: Geometry, index: int
) -> NDArray[np.int16] | NDArray[np.float32] | None:
    """Find the image of one slice in a folder, and decode it.

    The image is the one that the result's segmentation names as its source, so that it is what was
    analysed; slices without a finding are not named there.

    Args:
        place: where the images may be.
        folder: of the result.
        geometry: of the volume that was analysed.
        index: of the slice, along its first axis.

    Returns:
        HU, shape (1, R, C); None where it is not found at once.
    """
    try:
        uid = _source_uid(folder, geometry, index)
        header = None if uid is None else _image(_dicom_files(place), uid)
        if header is None or not _is_slice(header, geometry, index):
            return None
        dtype = hounsfield_type([header])
        ((_, stored),) = decode([header])
        if isinstance(stored, UnreadablePixelsError):
            return None
        hu: NDArray[Any] = apply_rescale(stored, header, dtype)
    except NodulusError:  # told by who reads the series
        return None
    return hu[np.newaxis] if hu.shape == geometry.shape_irc[1:] else None


def _source_uid(folder: Path, geometry: Geometry, index: int) -> str | None:
    """The SOPInstanceUID of the image that a frame of the segmentation lies on."""
    try:
        seg = dcmread(folder / SEG_FILE, stop_before_pixels=True)
        for groups in seg.PerFrameFunctionalGroupsSequence:
            position = groups.PlanePositionSequence[0].ImagePositionPatient
            if abs(float(geometry.lps_to_index(position)[0]) - index) < _TOLERANCE_SLICES:
                image = groups.DerivationImageSequence[0].SourceImageSequence[0]
                return str(image.ReferencedSOPInstanceUID)
    except Exception:  # there is none, or it is damaged in one of many ways
        return None
    return None


def _dicom_files(place: Path) -> list[Path]:
    files = list_files(place).files
    return sorted(file for file in files if not is_research_format(file) and may_be_dicom(file))


def _image(files: Sequence[Path], uid: str) -> SliceHeader | None:
    """The header of a single-frame image by its UID, which stands near the start of its file."""
    end = time.monotonic() + _PATIENCE_S
    for file in files:
        if time.monotonic() > end:
            return None
        try:
            with file.open("rb") as stream:
                head = stream.read(_HEAD_BYTES)
        except OSError:
            continue
        if uid.encode("ascii") not in head:
            continue
        try:
            (header,) = read_headers(file)
        except (NodulusError, ValueError):
            continue
        if header.sop_instance_uid == uid and header.frame is None:
            return header
    return None


def _is_slice(header: SliceHeader, geometry: Geometry, index: int) -> bool:
    """Whether an image's corners lie where those of the volume's slice do."""
    position, orientation = header.position_lps_mm, header.orientation
    spacing = header.pixel_spacing_mm
    if position is None or orientation is None or spacing is None or header.damage:
        return False
    if (header.rows, header.columns) != geometry.shape_irc[1:]:
        return False
    _, rows, columns = geometry.shape_irc
    right = np.array(orientation[:3]) * spacing[1]
    down = np.array(orientation[3:]) * spacing[0]
    for row, column in ((0, 0), (rows - 1, 0), (0, columns - 1)):
        at = np.array(position) + row * down + column * right
        if np.abs(at - geometry.index_to_lps([index, row, column])).max() > _TOLERANCE_MM:
            return False
    return True
