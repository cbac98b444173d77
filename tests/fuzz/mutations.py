"""Ways to damage a DICOM file, of its bytes and of its attributes."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from nodulus.app.reading.slice_header import TAGS
from tests.fuzz.bases import Files

HOSTILE = (
    b"", b"\0\0", b"0 ", b"-1", b"-0.0 ", b"1e308 ", b"nan ", b"inf ", b"1,5 ", b"2147483648",
    b"99999999999999", b"\xff\xff", b"\xff\xff\xff\x7f", b"\\\\", b"1\\2\\3\\4 ",
    b"0\\0\\0\\0\\0\\0 ", b"1\\0\\0\\1\\0\\0 ", b"../../etc ", b"\xe4\xf6", b"A" * 70,
    struct.pack("<d", float("nan")), b"1.2.840.10008.1.2.4.90",
)  # fmt: skip
"""Values that some decoder may stumble over."""

Mutate = Callable[[random.Random, bytes], bytes]


def flip_bytes(rng: random.Random, content: bytes) -> bytes:
    """Change some bytes, mostly near the start, where the header is."""
    changed = bytearray(content)
    reach = len(changed) if rng.random() < 0.3 else min(len(changed), 1500)
    for _ in range(rng.choice((1, 2, 8, 64))):
        changed[rng.randrange(reach)] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))
    return bytes(changed)


def overwrite_length(rng: random.Random, content: bytes) -> bytes:
    """Put an extreme number where a length or a size may stand."""
    at = rng.randrange(128, max(129, len(content) - 4))
    value = struct.pack("<L", rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000)))
    return content[:at] + value + content[at + 4 :]


def cut(rng: random.Random, content: bytes) -> bytes:
    """End the file early."""
    return content[: rng.randrange(len(content))]


def remove_piece(rng: random.Random, content: bytes) -> bytes:
    """Leave some bytes out."""
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.choice((1, 2, 8, 100)) :]


def repeat_piece(rng: random.Random, content: bytes) -> bytes:
    """Have some bytes twice."""
    at, length = rng.randrange(len(content)), rng.choice((1, 4, 30, 400))
    return content[: at + length] + content[at:]


def insert_noise(rng: random.Random, content: bytes) -> bytes:
    """Put random bytes in between."""
    at = rng.randrange(len(content))
    return content[:at] + rng.randbytes(rng.choice((1, 2, 16, 300))) + content[at:]


def set_attributes(rng: random.Random, content: bytes) -> bytes:
    """Give attributes that are read hostile values or another VR."""
    dataset = _parsed(content)
    for keyword in rng.sample(TAGS, rng.choice((1, 1, 2, 5))):
        tag = Tag(tag_for_keyword(keyword) or 0)
        vr = dictionary_VR(tag)
        if vr == "SQ" or rng.random() < 0.2:
            vr = rng.choice(("LO", "DS", "IS", "UN", "OB", "FD", "US", "SS", "UI"))
        value = rng.choice(HOSTILE)
        if vr in ("US", "SS") and rng.random() < 0.7:
            value = struct.pack("<H", rng.choice((0, 1, 2, 7, 8, 12, 15, 32, 255, 4096, 65535)))
        raw = RawDataElement(tag, vr, len(value), value, 0, False, True, True)
        dataset._dict[tag] = raw
    return _written(dataset, content)


def remove_attributes(rng: random.Random, content: bytes) -> bytes:
    """Leave attributes out."""
    dataset = _parsed(content)
    for keyword in rng.sample([*TAGS, "PixelData"], rng.choice((1, 2, 6))):
        if keyword in dataset:
            del dataset[keyword]
    return _written(dataset, content)


MUTATIONS: tuple[Mutate, ...] = (
    flip_bytes,
    overwrite_length,
    cut,
    remove_piece,
    repeat_piece,
    insert_noise,
    set_attributes,
    set_attributes,
    set_attributes,
    remove_attributes,
)


def mutated(rng: random.Random, files: Files) -> Files:
    """Damage one file, some or all, once or a few times."""
    names = sorted(files)
    chosen = rng.sample(names, rng.choice((1, 1, min(3, len(names)), len(names))))
    changed = dict(files)
    mutate, seed = rng.choice(MUTATIONS), rng.random()
    for name in chosen:
        # Half of the cases damage every file alike, as a faulty converter does.
        same = random.Random(seed) if seed < 0.5 else rng
        content = mutate(same, changed[name])
        for _ in range(rng.choice((0, 0, 0, 1, 3))):
            content = rng.choice(MUTATIONS)(rng, content) if len(content) > 200 else content
        changed[name] = content
    return changed


def _parsed(content: bytes) -> pydicom.Dataset:
    """The attributes; none where the file is too broken already."""
    try:
        return pydicom.dcmread(io.BytesIO(content), force=True)
    except Exception:
        return pydicom.Dataset()


def _written(dataset: pydicom.Dataset, content: bytes) -> bytes:
    """The file with its attributes changed; as it was where pydicom cannot write it."""
    out = io.BytesIO()
    if not dataset:
        return content
    try:
        pydicom.dcmwrite(out, dataset, enforce_file_format=False)
    except Exception:
        return content
    return out.getvalue()
