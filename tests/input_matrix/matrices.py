"""How many slices, rows and columns there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, new_series, write

MANY_SLICES = 1500
WIDE_MATRIX = 1024


@variant("four-slices")
def _four(source: Source, folder: Path) -> None:
    middle = len(source.images) // 2
    write(source.copies()[middle : middle + 4], folder)


@variant("slices-1500")
def _many(source: Source, folder: Path) -> None:
    """Slices interpolated between those of the source, which stay as they are."""
    gaps = len(source.images) - 1
    parts = -(-MANY_SLICES // gaps)
    at = np.arange(gaps * parts + 1) / parts
    low = np.minimum(at.astype(int), gaps - 1)
    part = at - low
    # One at a time: together they may be larger than the memory.
    hu = ((1 - p) * source.hu[k] + p * source.hu[k + 1] for k, p in zip(low, part, strict=True))
    positions = source.positions[0] + np.outer(at, source.positions[1] - source.positions[0])
    images = new_series(source, "", hu, positions)
    for image in images:
        image.SliceThickness = f"{source.step_mm / parts:.4f}"
    write(images, folder)


@variant("matrix-1024")
def _wide(source: Source, folder: Path) -> None:
    """Pixels repeated to a larger matrix, the rest of which is air."""
    times = WIDE_MATRIX // max(source.hu.shape[1:])
    times -= (times + 1) % 2  # odd, so that one of them has the middle of the pixel it was
    hu = source.hu.repeat(times, axis=1).repeat(times, axis=2)
    rest = [(0, 0), *((0, WIDE_MATRIX - n) for n in hu.shape[1:])]
    hu = np.pad(hu, rest, constant_values=-1024)
    # The first of the pixels that one pixel became lies before its middle.
    spacing = np.array(source.spacing_rc_mm) / times
    shift = (times - 1) / 2 * spacing
    positions = source.positions - np.array([shift[1], shift[0], 0.0])
    write(new_series(source, "", hu, positions, spacing_rc_mm=spacing), folder)


@variant("cropped-field-of-view")
def _cropped(source: Source, folder: Path) -> None:
    """A tenth of the matrix off at each side, as a reconstruction of the lungs alone."""
    rows, columns = (n // 10 for n in source.hu.shape[1:])
    rows_mm, columns_mm = source.spacing_rc_mm
    hu = source.hu[:, rows:-rows, columns:-columns]
    first = source.positions + np.array([columns * columns_mm, rows * rows_mm, 0.0])
    write(new_series(source, "", hu, first), folder)
