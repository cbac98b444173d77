"""JPEG Lossless by libjpeg-turbo, as a plug-in of pydicom's decoders.

libjpeg-turbo takes a third of GDCM's time, and leaves Python's lock to other threads meanwhile. Of
damaged data it makes an image without a word, though; what GDCM refuses is therefore looked for in
the codestream first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

from nodulus.app.process import add_decoder

PLUGIN = "nodulus-libjpeg-turbo"
"""Its name among pydicom's plug-ins."""

SYNTAXES = frozenset({str(JPEGLossless), str(JPEGLosslessSV1)})
"""The transfer syntaxes that it decodes."""

DECODER_DEPENDENCIES = dict.fromkeys((JPEGLossless, JPEGLosslessSV1), ("imagecodecs>=2025.3",))
"""pydicom asks for it by this name."""

_START_OF_SCAN, _END_OF_IMAGE, _RESTART = 0xDA, 0xD9, 0xD0
_SLACK_BYTES = 2
"""An encoder may end its samples with so much that is none."""
_FRAME, _TABLES, _INTERVAL = 0xC3, 0xC4, 0xDD


def is_available(uid: str) -> bool:
    """Whether this decodes a transfer syntax; pydicom asks by this name."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: Any) -> bytes:
    """Decode one frame, for pydicom.

    Args:
        source: the codestream.
        runner: pydicom's ``DecodeRunner``; its rows, columns and bits allocated are used.

    Returns:
        The samples, little endian, of 8 or 16 bits as allocated.

    Raises:
        ValueError: it is damaged, or not the image that the header describes.
        imagecodecs.Jpeg8Error: libjpeg-turbo refuses it.
    """
    from imagecodecs import jpeg8_decode

    check_scan(source)
    image = jpeg8_decode(source)
    if image.shape != (runner.rows, runner.columns):
        raise ValueError(f"the compressed image is of shape {image.shape}")
    coded = coded_bytes(source, image)
    if coded is not None and not 0 <= scan_bytes(source) - coded <= _SLACK_BYTES:
        raise ValueError("the compressed samples are too few or too many")
    if 8 * image.dtype.itemsize > runner.bits_allocated:
        raise ValueError(f"the compressed image has {8 * image.dtype.itemsize} bits a sample")
    # pydicom extends the sign, by the bits stored.
    return bytes(image.astype(f"<u{runner.bits_allocated // 8}", copy=False).tobytes())


def check_scan(source: bytes) -> None:
    """See that the compressed samples go on to the end of the image, with no marker in between.

    Args:
        source: a codestream of one scan, as JPEG Lossless of one component is.

    Raises:
        ValueError: they do not, or there are none.
    """
    _, at = _segments(source)
    if at < 0:
        raise ValueError("the compressed image has no scan")
    bytes_left = np.frombuffer(source, np.uint8, offset=min(at, len(source)))
    # 0xFF stands for itself where a zero follows, and may stand any number of times before a
    # marker (ITU-T T.81 B.1.1.2 and B.1.1.5).
    after = bytes_left[1:][bytes_left[:-1] == 0xFF]
    markers = after[(after != 0) & (after != 0xFF) & ((after < _RESTART) | (after > _RESTART + 7))]
    if not len(markers):
        raise ValueError("the compressed samples have no end")
    if markers[0] != _END_OF_IMAGE:
        raise ValueError("there is a marker within the compressed samples")


def scan_bytes(source: bytes) -> int:
    """Bytes of the compressed samples, without the zeros that are stuffed in after 0xFF."""
    at = max(0, _segments(source)[1])
    scan = source[at : source.rfind(b"\xff\xd9")].rstrip(b"\xff")
    if source[at + len(scan) : at + len(scan) + 2] == b"\xff\x00":
        scan = source[at : at + len(scan) + 2]
    return len(scan) - scan.count(b"\xff\x00")


def coded_bytes(source: bytes, image: NDArray[Any]) -> int | None:
    """Bytes that the samples of a decoded image take: libjpeg makes up what is not there.

    Args:
        source: the codestream.
        image: what it was decoded to, shape (R, C), unsigned.

    Returns:
        None for what is not counted: other than the first predictor, restart intervals, a point
        transform (ITU-T T.81 annex H).
    """
    parts, _ = _segments(source)
    scan, frame, tables = parts.get(_START_OF_SCAN), parts.get(_FRAME), parts.get(_TABLES)
    if scan is None or frame is None or tables is None or _INTERVAL in parts:
        return None
    if (
        len(scan) < 6
        or scan[3] != 1
        or scan[5] & 15
        or len(tables) < 17
        or tables[0] != scan[2] >> 4
    ):
        return None
    lengths = np.repeat(np.arange(1, 17), np.frombuffer(tables, np.uint8, 16, 1))
    if len(tables) != 17 + len(lengths) or not len(lengths):
        return None
    bits = np.zeros(17, np.uint8)
    symbols = np.frombuffer(tables, np.uint8, len(lengths), 17)
    bits[symbols[symbols <= 16]] = lengths[symbols <= 16]
    category = _categories()
    cost = bits[category] + np.where(category == 16, 0, category)
    wide = image.astype(np.uint16)
    difference = np.empty_like(wide)
    difference[:, 1:] = wide[:, 1:] - wide[:, :-1]
    difference[1:, 0] = wide[1:, 0] - wide[:-1, 0]
    difference[0, 0] = wide[0, 0] - np.uint16(1 << (frame[0] - 1))
    return -(-int(cost.astype(np.uint8)[difference].sum(dtype=np.int64)) // 8)


@lru_cache(maxsize=1)
def _categories() -> NDArray[np.int64]:
    """Bits of each difference, which is coded by that number and then, but for 16, by so many."""
    size = np.abs(np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32))
    return np.asarray(np.ceil(np.log2(size + 1)).astype(np.int64))


def _segments(source: bytes) -> tuple[dict[int, bytes], int]:
    """The segments before the compressed samples, by marker, and where the samples begin."""
    parts: dict[int, bytes] = {}
    at = 2
    while at + 4 <= len(source) and source[at] == 0xFF:
        marker, length = source[at + 1], int.from_bytes(source[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        parts[marker] = parts.get(marker, b"") + source[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == _START_OF_SCAN:
            return parts, at
    return parts, -1


# At import, of which there is one at a time: pydicom's decoders are not safe to change in threads.
IS_REGISTERED = add_decoder(PLUGIN, SYNTAXES, (__name__, decode_frame.__name__))
"""Whether it is among pydicom's decoders: not in a plain process."""
