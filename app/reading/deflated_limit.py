"""Refuses deflated files that would fill the memory before anything could look at them."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from nodulus.app.reading import limits

DEFLATED = "1.2.840.10008.1.2.1.99"
_META_START = 132
_CHUNK = 2**20


def inflates_too_far(file: BinaryIO) -> bool:
    """Whether a deflated file (DICOM PS3.5 A.5) inflates to more than is read.

    Args:
        file: of a DICOM file with a preamble, at any place; it is left at another one.

    Returns:
        False for a file of another transfer syntax.
    """
    file.seek(_META_START)
    head = file.read(_CHUNK)
    # The group length (0002,0000) comes first in the file meta information (PS3.10, 7.1).
    if not head.startswith(b"\x02\x00\x00\x00UL\x04\x00") or len(head) < 12:
        return False
    meta_end = 12 + struct.unpack("<L", head[8:12])[0]
    if DEFLATED.encode() not in head[:meta_end]:
        return False
    file.seek(_META_START + meta_end)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    while total <= limits.MAX_INFLATED_BYTES and not inflate.eof:
        rest = inflate.unconsumed_tail or file.read(_CHUNK)
        if not rest:
            break
        total += len(inflate.decompress(rest, 16 * _CHUNK))
    return total > limits.MAX_INFLATED_BYTES
