"""Slices that are missing, doubled, uneven or in another order."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import numpy as np
from pydicom import Dataset

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, decimals, new_series, renew, set_hounsfield, write


@variant("slices-reversed")
def _reversed(source: Source, folder: Path) -> None:
    images = source.copies()[::-1]
    for number, image in enumerate(images, start=1):
        image.InstanceNumber = number
    write(images, folder)


@variant("slices-shuffled")
def _shuffled(source: Source, folder: Path) -> None:
    images = source.copies()
    random.Random(1).shuffle(images)
    for number, image in enumerate(images, start=1):
        image.InstanceNumber = number
    write(images, folder)


@variant("names-without-meaning")
def _names(source: Source, folder: Path) -> None:
    names = random.Random(2)
    for path in write(source.copies(), folder):
        place = folder / f"{names.randrange(4):X}"
        place.mkdir(exist_ok=True)
        path.rename(place / f"{names.getrandbits(64):016X}")


@variant("uneven-slices")
def _uneven(source: Source, folder: Path) -> None:
    """Heights up to a quarter of the distance off, with the values that belong there."""
    last = len(source.images) - 1
    at = np.arange(last + 1) + np.random.default_rng(0).uniform(-0.25, 0.25, last + 1)
    at[[0, -1]] = 0, last
    low = np.minimum(at.astype(int), last - 1)
    part = (at - low)[:, None, None]
    hu = (1 - part) * source.hu[low] + part * source.hu[low + 1]
    positions = source.positions[0] + np.outer(at, source.positions[1] - source.positions[0])
    write(new_series(source, "", hu, positions), folder)


@variant("slice-missing")
def _one_missing(source: Source, folder: Path) -> None:
    _write_without(source, folder, [len(source.images) // 3])


@variant("slices-missing-scattered")
def _scattered(source: Source, folder: Path) -> None:
    _write_without(source, folder, list(range(5, len(source.images) - 1, 13)))


@variant("slices-missing-together")
def _together(source: Source, folder: Path) -> None:
    middle = len(source.images) // 2
    _write_without(source, folder, list(range(middle, middle + len(source.images) // 8)))


@variant("slices-missing-every-third")
def _every_third(source: Source, folder: Path) -> None:
    _write_without(source, folder, list(range(1, len(source.images) - 1, 3)))


def _write_without(source: Source, folder: Path, left_out: list[int]) -> None:
    write([image for k, image in enumerate(source.copies()) if k not in left_out], folder)


@variant("slices-doubled")
def _doubled(source: Source, folder: Path) -> None:
    _write_doubled(source, folder, copies=5)


@variant("slice-doubled-same-uid")
def _same_uid(source: Source, folder: Path) -> None:
    write(source.copies(), folder)
    write(source.copies()[7:10], folder, prefix="copy")


@variant("slices-doubled-nearly")
def _nearly(source: Source, folder: Path) -> None:
    _write_doubled(source, folder, copies=5, off_mm=0.001)


@variant("slices-doubled-with-other-pixels")
def _other_pixels(source: Source, folder: Path) -> None:
    _write_doubled(source, folder, copies=3, off_hu=30)


@variant("every-slice-doubled-with-other-pixels")
def _every_other(source: Source, folder: Path) -> None:
    _write_doubled(source, folder, copies=len(source.images), off_hu=30)


def _write_doubled(
    source: Source, folder: Path, *, copies: int, off_mm: float = 0.0, off_hu: int = 0
) -> None:
    images = source.copies()
    start = (len(images) - copies) // 2
    again: list[Dataset] = []
    for k in range(start, start + copies):
        image = copy.deepcopy(images[k])
        renew(image, "doubled", k)
        image.InstanceNumber = 1000 + k
        image.ImagePositionPatient = decimals(source.positions[k] + (0.0, 0.0, off_mm))
        if off_hu:
            set_hounsfield(image, source.hu[k] + off_hu)
        again.append(image)
    for number, image in enumerate(images, start=1):
        image.InstanceNumber = number
    write([*images, *again], folder)
