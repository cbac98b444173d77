"""Stored values to Hounsfield units: rescale, signs, padding, unused bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MPEG2MPML, HTJ2KLossless, JPEG2000Lossless, RLELossless

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies, load_volume
from nodulus.app.volume import CtVolume

from .dicom_factory import body_hu, write_series


def codes(volume: CtVolume) -> list[str]:
    return [warning.code for warning in volume.warnings]


def failure(folder: Path) -> ErrorCode:
    with pytest.raises(NodulusError) as caught:
        load_volume(folder)
    return caught.value.code


def test_each_slice_by_its_own_rescale(tmp_path: Path) -> None:
    hu = body_hu()
    slopes = [1.0 + (k % 3) for k in range(40)]
    write_series(tmp_path, hu, slopes=slopes, intercepts=[-1024.0 - k for k in range(40)])
    volume = load_volume(tmp_path)
    assert volume.hu.dtype == np.int16
    assert np.abs(volume.hu.astype(int) - hu).max() <= 1  # slope 3 stores thirds
    assert np.array_equal(volume.hu[::3], hu[::3])


def test_fractional_slope_gives_floats(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path, hu, slopes=0.25)
    volume = load_volume(tmp_path)
    assert volume.hu.dtype == np.float32
    assert np.allclose(volume.hu, hu)


def test_signed_values(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path, hu, signed=True, intercepts=0.0)
    assert np.array_equal(load_volume(tmp_path).hu, hu)


def test_unused_high_bits_are_not_read(tmp_path: Path) -> None:
    def overlay_in_high_bits(dataset: Dataset, k: int) -> None:
        dataset.BitsStored, dataset.HighBit = 12, 11
        stored = np.frombuffer(dataset.PixelData, dtype="<u2")
        dataset.PixelData = (stored | 0x8000).astype("<u2").tobytes()

    hu = body_hu()
    write_series(tmp_path, hu, edit=overlay_in_high_bits)
    assert np.array_equal(load_volume(tmp_path).hu, hu)


@pytest.mark.parametrize("as_unsigned", [False, True])
def test_padding_becomes_air(tmp_path: Path, as_unsigned: bool) -> None:
    def padded(dataset: Dataset, k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, dtype="<i2").copy()
        stored[:20] = -2000
        dataset.PixelData = stored.tobytes()
        dataset.add_new(
            "PixelPaddingValue", "US" if as_unsigned else "SS", 63536 if as_unsigned else -2000
        )

    hu = body_hu()
    write_series(tmp_path, hu, signed=True, edit=padded)
    volume = load_volume(tmp_path)
    assert (volume.hu[:, 0] == -1024).all()
    assert np.array_equal(volume.hu[:, 1:], hu[:, 1:])


def test_padding_range(tmp_path: Path) -> None:
    def padded(dataset: Dataset, k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, dtype="<i2").copy()
        stored[:20] = np.arange(-2010, -1990)
        dataset.PixelData = stored.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", -2010)
        dataset.add_new("PixelPaddingRangeLimit", "SS", -1991)

    write_series(tmp_path, body_hu(), signed=True, edit=padded)
    assert (load_volume(tmp_path).hu[:, 0] == -1024).all()


def test_padding_value_of_tissue_is_not_applied(tmp_path: Path) -> None:
    def water(dataset: Dataset, k: int) -> None:
        dataset.add_new("PixelPaddingValue", "SS", 40)

    hu = body_hu()
    write_series(tmp_path, hu, signed=True, intercepts=0.0, edit=water)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert codes(volume) == ["padding-value-ignored"]


def test_monochrome1_does_not_change_hounsfield_units(tmp_path: Path) -> None:
    def inverted(dataset: Dataset, k: int) -> None:
        dataset.PhotometricInterpretation = "MONOCHROME1"

    hu = body_hu()
    write_series(tmp_path, hu, edit=inverted)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert codes(volume) == ["monochrome1"]


def test_values_that_are_not_hounsfield_units(tmp_path: Path) -> None:
    def no_rescale(dataset: Dataset, k: int) -> None:
        del dataset.RescaleIntercept

    def lost_intercept(dataset: Dataset, k: int) -> None:
        dataset.RescaleIntercept = "0"

    def other_unit(dataset: Dataset, k: int) -> None:
        dataset.RescaleType = "MGML"

    def too_large(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope = "30"

    for edit in (no_rescale, lost_intercept, other_unit, too_large):
        folder = tmp_path / edit.__name__
        write_series(folder, body_hu(), edit=edit)
        assert failure(folder) is ErrorCode.NOT_HOUNSFIELD, edit.__name__


def recompress(folder: Path, syntax: str) -> None:
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)


def test_compressed_slices(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path, hu)
    recompress(tmp_path, RLELossless)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert volume.facts.transfer_syntax_uid == RLELossless


def test_cut_off_compressed_slice_counts_as_missing(tmp_path: Path) -> None:
    hu = body_hu()
    paths = write_series(tmp_path, hu)
    recompress(tmp_path, RLELossless)
    content = paths[9].read_bytes()
    paths[9].write_bytes(content[:-200])
    found = find_studies(tmp_path)
    assert [problem.code for problem in found.problems] == [ErrorCode.TRUNCATED_FILE]
    volume = found.studies[0].load()
    assert np.array_equal(volume.hu, hu)
    assert set(codes(volume)) == {"damaged-files-left-out", "missing-slices-interpolated"}


def test_slice_that_does_not_decode_counts_as_missing(tmp_path: Path) -> None:
    hu = body_hu()
    paths = write_series(tmp_path, hu)
    recompress(tmp_path, RLELossless)
    content = bytearray(paths[9].read_bytes())
    start = content.rindex(b"\xfe\xff\x00\xe0") + 8
    content[start : start + 200] = b"\xff" * 200
    paths[9].write_bytes(content)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert set(codes(volume)) == {"damaged-files-left-out", "missing-slices-interpolated"}
    assert paths[9].name in next(
        w.message for w in volume.warnings if w.code == "damaged-files-left-out"
    )


def odd_uid(dataset: Dataset) -> None:
    dataset.SOPInstanceUID = "not a UID"


def uid_of_another(dataset: Dataset) -> None:
    dataset.SOPInstanceUID = dataset.SOPInstanceUID[:-1] + "8"


def without_name(dataset: Dataset) -> None:
    dataset.PatientName = ""


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (odd_uid, "uid-invalid"),
        (uid_of_another, "sop-instance-uid-repeated"),
        (without_name, "patient-attributes-differ"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_odd_about_an_image_that_is_left_out_is_not_said_of_the_volume(
    odd: Callable[[Dataset], None], code: str, tmp_path: Path
) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"1.2.3.4.5.{k}"
        if k == 9:
            odd(dataset)

    paths = write_series(tmp_path, body_hu(), edit=edit)
    assert code in codes(load_volume(tmp_path))
    dataset = pydicom.dcmread(paths[9])
    dataset.BitsAllocated = 65535
    dataset.save_as(paths[9], enforce_file_format=False)
    found = codes(load_volume(tmp_path))
    assert "damaged-files-left-out" in found
    assert code not in found


def test_too_many_cut_off_files_are_refused(tmp_path: Path) -> None:
    for path in write_series(tmp_path, body_hu())[10:20]:
        content = path.read_bytes()
        path.write_bytes(content[:-100])
    assert failure(tmp_path) in (ErrorCode.MISSING_SLICES, ErrorCode.TRUNCATED_FILE)


@pytest.mark.parametrize("syntax", [MPEG2MPML, "1.2.3.4"])
def test_missing_decoder_names_the_transfer_syntax(tmp_path: Path, syntax: str) -> None:
    for path in write_series(tmp_path, body_hu()):
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path, implicit_vr=False, little_endian=True)
    with pytest.raises(NodulusError) as caught:
        load_volume(tmp_path)
    assert caught.value.code is ErrorCode.DECODER_MISSING
    assert str(syntax) in caught.value.message


def test_jpeg2000_has_a_decoder() -> None:
    from nodulus.app.reading.pixels import missing_decoder

    assert missing_decoder(JPEG2000Lossless) is None
    assert missing_decoder("1.2.840.10008.1.2.4.70") is None


def test_htj2k_has_a_decoder() -> None:
    from nodulus.app.reading.pixels import missing_decoder

    assert missing_decoder(HTJ2KLossless) is None
