"""JPEG Lossless by libjpeg-turbo, as a plug-in of pydicom's decoders.

libjpeg-turbo takes a third of GDCM's time, and leaves Python's lock to other threads meanwhile. Of
damaged data it makes an image without a word, though; what GDCM refuses is therefore looked for in
the codestream first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.pixels.decoders import JPEGLosslessDecoder, JPEGLosslessSV1Decoder
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

PLUGIN = "nodulus-libjpeg-turbo"
"""Its name among pydicom's plug-ins."""

SYNTAXES = frozenset({str(JPEGLossless), str(JPEGLosslessSV1)})
"""The transfer syntaxes that it decodes."""

DECODER_DEPENDENCIES = dict.fromkeys((JPEGLossless, JPEGLosslessSV1), ("imagecodecs>=2025.3",))
"""pydicom asks for it by this name."""

_START_OF_SCAN, _END_OF_IMAGE, _RESTART = 0xDA, 0xD9, 0xD0


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
    at = 2
    while at + 4 <= len(source) and source[at] == 0xFF:
        marker, length = source[at + 1], int.from_bytes(source[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        at += 2 + length
        if marker == _START_OF_SCAN:
            break
    else:
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


def register() -> None:
    """Add this to pydicom's decoders; once is enough, and further calls change nothing."""
    for decoder in (JPEGLosslessDecoder, JPEGLosslessSV1Decoder):
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))


register()
