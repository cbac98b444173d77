"""Small files that ask for huge memory."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, write
from tests.input_matrix.syntaxes import enhanced

DEFLATED_BYTES = 3 * 2**30
_BLOCK = 2**24


@variant("bomb-rows-and-columns")
def _matrix(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.Rows = image.Columns = 65535
        image.PixelData = encapsulate([b"\0" * 64])
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
    write(images, folder, syntax=RLELossless)


@variant("bomb-frames")
def _frames(source: Source, folder: Path) -> None:
    image = enhanced(source, per_frame=False)
    image.NumberOfFrames = 2**31 - 1
    write([image], folder)


@variant("bomb-deflated")
def _deflated(source: Source, folder: Path) -> None:
    """Beside the whole series, a file of some megabytes that inflates to three gigabytes."""
    write(source.copies(), folder)
    (path,) = write(
        source.copies()[:1], folder, syntax=DeflatedExplicitVRLittleEndian, prefix="bomb"
    )
    content = path.read_bytes()
    # Group length of the file meta information: 12 bytes at 132, PS3.10 section 7.1.
    start = 144 + struct.unpack("<L", content[140:144])[0]
    head = zlib.decompress(content[start:], -zlib.MAX_WBITS)
    head += struct.pack("<HH2sHL", 0x7FE1, 0x1010, b"OB", 0, DEFLATED_BYTES)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back, so that a block can stand there many times.
    block = squeeze.compress(bytes(_BLOCK)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(content[:start] + first + block * (DEFLATED_BYTES // _BLOCK) + squeeze.flush())


@variant("bomb-codestream")
def _codestream(source: Source, folder: Path) -> None:
    """One JPEG 2000 slice whose codestream says that it is 60,000 x 60,000 (SIZ, T.800 A.5.1)."""
    images = source.copies()
    for image in images:
        image.compress(JPEG2000Lossless, generate_instance_uid=False)
    middle = images[len(images) // 3]
    stream = bytearray(middle.PixelData)
    size = stream.index(b"\xff\x51") + 6
    for at in (size, size + 4, size + 16, size + 20):
        stream[at : at + 4] = struct.pack(">L", 60000)
    middle.PixelData = bytes(stream)
    write(images, folder, syntax=JPEG2000Lossless)
