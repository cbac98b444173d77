"""JPEG Lossless by libjpeg-turbo is what GDCM decodes, and damage is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from imagecodecs import jpeg8_encode
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

from nodulus.app.reading import load_volume
from nodulus.app.reading.jpeg_lossless import PLUGIN, check_scan, coded_bytes, scan_bytes
from nodulus.app.reading.pixels import missing_decoder

from .dicom_factory import body_hu, write_series


def encoded(values: NDArray[np.int64], bits_stored: int, predictor: int = 1) -> bytes:
    """Two's complement of the bits stored, as scanners write signed data."""
    unsigned = (values & ((1 << bits_stored) - 1)).astype(
        np.uint8 if bits_stored <= 8 else np.uint16
    )
    stream = jpeg8_encode(unsigned, lossless=True, bitspersample=bits_stored, predictor=predictor)
    return bytes(stream)


def compressed(path: Path, values: NDArray[np.int64], stored: int, *, signed: bool) -> Path:
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = encapsulate([encoded(values, stored)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.BitsStored, dataset.HighBit = stored, stored - 1
    dataset.PixelRepresentation = int(signed)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("stored", [8, 10, 12, 13, 16])
def test_every_sample_as_gdcm_decodes_it(tmp_path: Path, stored: int, signed: bool) -> None:
    path = write_series(tmp_path, body_hu())[0]
    dataset = pydicom.dcmread(path)
    low = -(1 << (stored - 1)) if signed else 0
    values = np.random.default_rng(stored).integers(
        low, low + (1 << stored), (dataset.Rows, dataset.Columns)
    )
    values[0], values[1] = low, low + (1 << stored) - 1
    compressed(path, values, stored, signed=signed)
    own = pixel_array(path, decoding_plugin=PLUGIN)
    other = pixel_array(path, decoding_plugin="gdcm")
    assert np.array_equal(own, values)
    assert np.array_equal(other, values)
    assert own.dtype == other.dtype


def test_both_transfer_syntaxes_are_decoded() -> None:
    from pydicom.pixels import get_decoder

    for uid in (JPEGLossless, JPEGLosslessSV1):
        assert PLUGIN in get_decoder(uid).available_plugins
        assert missing_decoder(uid) is None


def test_a_whole_codestream_passes() -> None:
    values = np.random.default_rng(1).integers(0, 1 << 16, (64, 64))
    check_scan(encoded(values, 16))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda s: s[: len(s) // 2], "no end"),
        (lambda s: s[:-2], "no end"),
        (lambda s: s[:2000] + b"\xff\xc4" + s[2000:], "marker"),
        (lambda s: s[:20], "no scan"),
        (lambda s: b"", "no scan"),
    ],
)
def test_damage_that_libjpeg_does_not_tell(damage: object, says: str) -> None:
    stream = encoded(np.random.default_rng(1).integers(0, 1 << 16, (64, 64)), 16)
    with pytest.raises(ValueError, match=says):
        check_scan(damage(stream))  # type: ignore[operator]


def test_fill_bytes_before_the_end_are_no_damage() -> None:
    stream = encoded(np.zeros((16, 16), np.int64), 16)
    check_scan(stream[:-2] + b"\xff\xff\xff\xd9")


def test_slice_of_damaged_samples_counts_as_missing(tmp_path: Path) -> None:
    hu = body_hu()
    paths = write_series(tmp_path, hu, signed=True)
    for path in paths:
        compressed(path, pydicom.dcmread(path).pixel_array.astype(np.int64), 16, signed=True)
    assert np.array_equal(load_volume(tmp_path).hu, hu)
    content = bytearray(paths[9].read_bytes())
    middle = (content.rindex(b"\xfe\xff\x00\xe0") + len(content)) // 2
    content[middle : middle + 2] = b"\xff\xc4"
    paths[9].write_bytes(content)
    volume = load_volume(tmp_path)
    assert {warning.code for warning in volume.warnings} == {
        "damaged-files-left-out",
        "missing-slices-interpolated",
    }


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, body_hu())[0]
    dataset = pydicom.dcmread(path)
    values = np.zeros((dataset.Rows, dataset.Columns + 2), np.int64)
    compressed(path, values, 16, signed=False)
    with pytest.raises(RuntimeError, match="shape"):
        pixel_array(path, decoding_plugin=PLUGIN)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_the_coded_samples_are_counted(bits: int) -> None:
    values = np.random.default_rng(bits).integers(0, 1 << bits, (40, 36))
    stream = encoded(values, bits)
    image = values.astype(np.uint8 if bits == 8 else np.uint16)
    assert coded_bytes(stream, image) == scan_bytes(stream)
    assert coded_bytes(encoded(values, bits, predictor=4), image) is None


@pytest.mark.parametrize("change", ["drop", "repeat"])
def test_bytes_missing_or_repeated_are_damage(tmp_path: Path, change: str) -> None:
    path = write_series(tmp_path, body_hu())[0]
    dataset = pydicom.dcmread(path)
    values = np.random.default_rng(3).integers(0, 1 << 12, (dataset.Rows, dataset.Columns))
    compressed(path, values, 12, signed=False)
    dataset = pydicom.dcmread(path)
    stream = encoded(values, 12)
    at = len(stream) // 2
    again = stream[at : at + 24] if change == "repeat" else b""
    rest = stream[at + (24 if change == "drop" else 0) :]
    dataset.PixelData = encapsulate([stream[:at] + again + rest])
    dataset.save_as(path)
    with pytest.raises(RuntimeError, match=r"too few or too many|marker"):
        pixel_array(path, decoding_plugin=PLUGIN)
