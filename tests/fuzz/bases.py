"""The small series that are mutated: one a way of writing pixels."""

from __future__ import annotations

from pathlib import Path

from tests.app.reading.dicom_factory import body_hu, write_series
from tests.input_matrix import VARIANTS, Source

NAMES = (
    "explicit-little-endian",
    "implicit-little-endian",
    "explicit-big-endian",
    "deflated",
    "rle",
    "jpeg-lossless-sv1",
    "jpeg-ls",
    "jpeg-2000",
    "enhanced-ct-per-frame",
    "without-preamble",
)
Files = dict[str, bytes]


def make_bases(folder: Path) -> dict[str, Files]:
    """Write 24 slices of 40 x 36 pixels in every way.

    Returns:
        For each way the files by their names.
    """
    plain = folder / "plain"
    write_series(plain, body_hu((24, 40, 36)), step_mm=5.0, shuffle=None)
    source = Source.from_folder(plain)
    bases = {}
    for name in NAMES:
        place = folder / name
        place.mkdir()
        VARIANTS[name](source, place)
        bases[name] = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
    return bases
