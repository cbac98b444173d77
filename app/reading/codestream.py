"""Reads how large a compressed image says it is, before anything makes room for it."""

from __future__ import annotations

import struct

HEAD_BYTES = 1024
"""Enough of a frame to find its size in."""

_JPEG_START = b"\xff\xd8"
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}


def stated_shape(head: bytes) -> tuple[int, int] | None:
    """Rows and columns by the codestream itself.

    Args:
        head: the first bytes of a frame of compressed pixel data.

    Returns:
        None where it is no JPEG, JPEG-LS or JPEG 2000 (also high-throughput), or does not say.
    """
    if head.startswith(_JPEG_2000_START):
        return _size_of_jpeg_2000(head)
    return _size_of_jpeg(head) if head.startswith(_JPEG_START) else None


def _size_of_jpeg_2000(head: bytes) -> tuple[int, int] | None:
    """The SIZ marker segment (ITU-T T.800 A.5.1) gives a reference grid and an offset in it."""
    if len(head) < 24:
        return None
    width, height, left, top = struct.unpack(">4L", head[8:24])
    return height - top, width - left


def _size_of_jpeg(head: bytes) -> tuple[int, int] | None:
    """The frame header (ITU-T T.81 B.2.2, T.87 C.2.2), behind any number of other segments."""
    at = len(_JPEG_START)
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], struct.unpack(">H", head[at + 2 : at + 4])[0]
        if marker in _FRAME_MARKERS:
            rows, columns = struct.unpack(">2H", head[at + 5 : at + 9])
            return rows, columns
        at += 2 + length
    return None
