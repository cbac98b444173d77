"""Reads the header of one DICOM file, and sees whether its pixels are all there."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.process import quiet_pydicom, quiet_pydicom_log
from nodulus.app.reading import limits
from nodulus.app.reading.codestream import HEAD_BYTES, stated_shape
from nodulus.app.reading.deflated_limit import DEFLATED, inflates_too_far
from nodulus.app.reading.image_header import instance_uid, slice_headers
from nodulus.app.reading.media_directory import MEDIA_DIRECTORY
from nodulus.app.reading.slice_header import IDENTITY_TAGS, TAGS, AttributeReader, SliceHeader

_MOST_SAMPLES = 4
_UNDEFINED = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_SEQUENCE_END = (0xFFFE, 0xE0DD)

quiet_pydicom_log()


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes start a DICOM file, with or without its preamble."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16:
        return False
    group, element, length = struct.unpack("<HHL", head[:8])
    is_explicit = head[4:6].isalpha() and head[4:6].isupper()
    return group in (2, 8) and element < 0x0100 and (is_explicit or length <= 64)


def read_headers(path: Path) -> list[SliceHeader]:
    """The images of one file: none where it is not DICOM, or a DICOMDIR.

    Args:
        path: a regular file.

    Raises:
        NodulusError: it is DICOM, but cannot be read.
    """
    return read_headers_and(path, ())[0]


def read_headers_and(path: Path, keywords: Sequence[str]) -> tuple[list[SliceHeader], Any]:
    """As :func:`read_headers`, and the Dataset with these attributes too; None without images.

    Args:
        path: a regular file.
        keywords: of the attributes.

    Raises:
        NodulusError: it is DICOM, but cannot be read.
    """
    is_named_dicom = path.suffix.lower() in (".dcm", ".dicom", ".ima")
    try:
        with path.open("rb") as file:
            head = file.read(132)
            if not head and (is_named_dicom or not path.suffix):
                raise _broken(path, ErrorCode.TRUNCATED_FILE, "The file is empty (0 bytes).")
            if not looks_like_dicom(head):
                if is_named_dicom:
                    raise _broken(path, ErrorCode.INPUT_NOT_READABLE, "This is no DICOM file.")
                return [], None
            return _parse(file, path, keywords, has_preamble=head[128:132] == b"DICM")
    except OSError as error:
        raise _broken(
            path, ErrorCode.INPUT_NOT_READABLE, f"The file cannot be read ({error.strerror})."
        ) from error


def _parse(
    file: BinaryIO, path: Path, keywords: Sequence[str], *, has_preamble: bool
) -> tuple[list[SliceHeader], Any]:
    import pydicom

    quiet_pydicom()
    try:
        if has_preamble and inflates_too_far(file):
            message = f"The file inflates to more than {limits.MAX_INFLATED_BYTES:,} bytes."
            raise _broken(path, ErrorCode.INVALID_ATTRIBUTE, message)
        file.seek(0)
        dataset = pydicom.dcmread(
            file,
            stop_before_pixels=True,
            force=not has_preamble,
            specific_tags=[*TAGS, *IDENTITY_TAGS, *keywords],
        )
        media_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
        if media_class == MEDIA_DIRECTORY:
            return [], None
        if not has_preamble and not dataset.get("SOPClassUID"):
            return [], None
        return _images(file, dataset, path), dataset
    except (OSError, NodulusError):
        raise
    except Exception as error:  # a damaged file breaks pydicom and zlib in many ways
        if not has_preamble:
            return [], None
        raise _broken(
            path, ErrorCode.TRUNCATED_FILE, "The DICOM header is damaged or cut off."
        ) from error


def _images(file: BinaryIO, dataset: Any, path: Path) -> list[SliceHeader]:
    """The images of a file that stands where its pixel data begins."""
    size = path.stat().st_size
    syntax = _transfer_syntax(dataset)
    at_end = syntax != DEFLATED and file.tell() >= size
    read = AttributeReader(dataset)
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        stated = instance_uid(dataset) if keyword == "SOPInstanceUID" else read.text(keyword)
        if not stated:
            if at_end:
                raise _broken(path, ErrorCode.TRUNCATED_FILE, "The file ends within its header.")
            raise _broken(path, ErrorCode.MISSING_ATTRIBUTE, f"The file has no {keyword}.")
    frames = read.integer("NumberOfFrames") or 1
    if frames > limits.MAX_FRAMES:
        message = f"NumberOfFrames is {frames:,}; up to {limits.MAX_FRAMES:,} are read."
        raise _broken(path, ErrorCode.INVALID_ATTRIBUTE, message)
    return slice_headers(dataset, path, syntax, _damage(file, dataset, syntax, size))


def _transfer_syntax(dataset: Any) -> str:
    """As the file says; as pydicom found it where there is no file meta information."""
    stated = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if stated:
        return str(stated)
    is_implicit, is_little = dataset.original_encoding
    if not is_little:
        return "1.2.840.10008.1.2.2"
    return "1.2.840.10008.1.2" if is_implicit else "1.2.840.10008.1.2.1"


def _damage(file: BinaryIO, dataset: Any, syntax: str, size: int) -> str | None:
    """Why the pixel data is not whole, where that can be seen without decoding.

    The file stands at the pixel data, where pydicom stopped, or at its end.
    """
    read = AttributeReader(dataset)
    rows, columns = read.integer("Rows"), read.integer("Columns")
    samples = read.integer("SamplesPerPixel") or 1
    bits = read.integer("BitsAllocated") or 16
    is_odd = samples > _MOST_SAMPLES or bits not in limits.BITS_ALLOCATED
    is_odd = is_odd or max(rows or 0, columns or 0) > limits.MAX_MATRIX
    if rows is None or columns is None or syntax == DEFLATED or is_odd:
        return None  # of odd values the rules for a series name the attribute
    if file.tell() >= size:
        return "it ends before its pixel data"
    frames = max(1, read.integer("NumberOfFrames") or 1)
    expected = rows * columns * samples * frames * bits // 8
    is_implicit, is_little = dataset.original_encoding
    order = "<" if is_little else ">"
    head = file.read(8 if is_implicit else 12)
    if len(head) < (8 if is_implicit else 12):
        return "it ends before its pixel data"
    length = struct.unpack(f"{order}L", head[-4:])[0]
    if length == _UNDEFINED:
        return _encapsulated_damage(file, size, frames, (rows, columns))
    present = min(length, size - file.tell())
    if present < expected:
        return f"it holds {present:,} of {expected:,} bytes of pixel data"
    return None


def _encapsulated_damage(
    file: BinaryIO, size: int, frames: int, shape_rc: tuple[int, int]
) -> str | None:
    """Walk the items of compressed pixel data (DICOM PS3.5 A.4), reading only their first bytes."""
    items = 0
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) == _SEQUENCE_END:
            break
        end = file.tell() + length
        if (group, element) != _ITEM or end > size:
            return "its compressed pixel data is cut off"
        stated = stated_shape(file.read(min(length, HEAD_BYTES)))
        if stated is not None and stated != shape_rc:
            return f"its compressed image says that it is {stated[0]:,} x {stated[1]:,}"
        items += 1
        file.seek(end)
    # The first item is the offset table.
    return None if items > frames else "its compressed pixel data is cut off"


def _broken(path: Path, code: ErrorCode, message: str) -> NodulusError:
    return NodulusError(
        code, message, remedy="Export or copy the file again from its source.", subject=path
    )
