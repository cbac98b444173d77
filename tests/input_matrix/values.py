"""How stored values become Hounsfield units."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, set_hounsfield, write

PADDING_HU = -1024


@variant("signed")
def _signed(source: Source, folder: Path) -> None:
    _write(source, folder, signed=True, intercept=0.0)


@variant("unsigned")
def _unsigned(source: Source, folder: Path) -> None:
    _write(source, folder, signed=False)


@variant("bits-stored-12")
def _bits_12(source: Source, folder: Path) -> None:
    _write(source, folder, bits=12)


@variant("bits-stored-12-signed")
def _bits_12_signed(source: Source, folder: Path) -> None:
    _write(source, folder, bits=12, signed=True, intercept=1024.0)


@variant("bits-above-used")
def _high_bits(source: Source, folder: Path) -> None:
    images = source.copies()
    for image, hu in zip(images, source.hu, strict=True):
        set_hounsfield(image, hu, bits=12)
        stored = np.frombuffer(image.PixelData, dtype="<u2")
        image.PixelData = (stored | 0xA000).astype("<u2").tobytes()
    write(images, folder)


@variant("slope-2")
def _slope_2(source: Source, folder: Path) -> None:
    _write(source, folder, slope=2.0)


@variant("slope-a-half")
def _slope_half(source: Source, folder: Path) -> None:
    _write(source, folder, slope=0.5)


@variant("slope-by-slice")
def _slope_by_slice(source: Source, folder: Path) -> None:
    images = source.copies()
    for k, (image, hu) in enumerate(zip(images, source.hu, strict=True)):
        set_hounsfield(image, hu, slope=1.0 + k % 3, intercept=-1024.0 - k)
    write(images, folder)


@variant("slope-fractional-later")
def _slope_later(source: Source, folder: Path) -> None:
    images = source.copies()
    for k, (image, hu) in enumerate(zip(images, source.hu, strict=True)):
        set_hounsfield(image, hu, slope=1.0 if k < len(images) // 2 else 1.25)
    write(images, folder)


@variant("pixel-padding")
def _padding(source: Source, folder: Path) -> None:
    _write_padded(source, folder, "SS", -2000)


@variant("pixel-padding-as-unsigned")
def _padding_unsigned(source: Source, folder: Path) -> None:
    _write_padded(source, folder, "US", 2**16 - 2000)


@variant("monochrome1")
def _monochrome1(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.PhotometricInterpretation = "MONOCHROME1"
    write(images, folder)


def _write(
    source: Source,
    folder: Path,
    *,
    slope: float = 1.0,
    intercept: float = -1024.0,
    signed: bool = False,
    bits: int = 16,
) -> None:
    images = source.copies()
    for image, hu in zip(images, source.hu, strict=True):
        set_hounsfield(image, hu, slope=slope, intercept=intercept, signed=signed, bits=bits)
    write(images, folder)


def _write_padded(source: Source, folder: Path, vr: str, value: int) -> None:
    """Air outside of the field of view is stored as the padding value."""
    images = source.copies()
    for image, hu in zip(images, source.hu, strict=True):
        padded = np.where(hu == PADDING_HU, -2000, hu)
        set_hounsfield(image, padded, signed=True, intercept=0.0)
        image.add_new("PixelPaddingValue", vr, value)
    write(images, folder)


@variant("values-outside-bits-stored")
def _outside_bits(source: Source, folder: Path) -> None:
    """-3024 outside of the field of view, in 12 bits that end at -2048."""
    images = source.copies()
    for image, hu in zip(images, source.hu, strict=True):
        set_hounsfield(image, hu, bits=12, signed=True, intercept=0.0)
        stored = np.frombuffer(image.PixelData, dtype="<i2").copy()
        stored[stored <= PADDING_HU] = -3024
        image.PixelData = stored.tobytes()
    write(images, folder)


@variant("values-at-the-top-of-their-words")
def _high_bit(source: Source, folder: Path) -> None:
    images = source.copies()
    for image, hu in zip(images, source.hu, strict=True):
        set_hounsfield(image, hu, bits=12)
        image.HighBit = 15
        image.PixelData = (np.frombuffer(image.PixelData, dtype="<u2") << 4).tobytes()
    write(images, folder)


@variant("high-bit-is-wrong")
def _wrong_high_bit(source: Source, folder: Path) -> None:
    images = source.copies()
    for image, hu in zip(images, source.hu, strict=True):
        set_hounsfield(image, hu, bits=12)
        image.HighBit = 15
    write(images, folder)


@variant("rescale-type-in-words")
def _rescale_words(source: Source, folder: Path) -> None:
    _write_with(source, folder, RescaleType="Hounsfield Units")


@variant("rescale-type-nonsense")
def _rescale_nonsense(source: Source, folder: Path) -> None:
    _write_with(source, folder, RescaleType="CT VALUES")


@variant("rescale-type-of-a-map")
def _rescale_map(source: Source, folder: Path) -> None:
    _write_with(source, folder, RescaleType="MGML")


@variant("sharp-kernel")
def _sharp(source: Source, folder: Path) -> None:
    _write_with(source, folder, ConvolutionKernel="B70f")


def _write_with(source: Source, folder: Path, **attributes: str) -> None:
    images = source.copies()
    for image in images:
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
    write(images, folder)
