"""What a refusal or warning says to do is done, and helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import load_volume
from tests.app.reading.dicom_factory import body_hu, write_series

HU = body_hu()


def refused(folder: Path, code: ErrorCode) -> NodulusError:
    with pytest.raises(NodulusError) as caught:
        load_volume(folder)
    assert caught.value.code is code
    return caught.value


def set_all(**attributes: object) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, _k: int) -> None:
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    return edit


def test_single_images_then_the_whole_series(tmp_path: Path) -> None:
    paths = write_series(tmp_path, HU, keep=range(4))
    error = refused(tmp_path, ErrorCode.TOO_FEW_SLICES)
    assert "It has 4 images" in error.message
    assert "Give the folder of the whole series" in error.remedy
    assert len(paths) == 4
    write_series(tmp_path, HU)
    assert load_volume(tmp_path).hu.shape == HU.shape


def test_slices_far_apart_then_closer_ones(tmp_path: Path) -> None:
    write_series(tmp_path / "far", HU[::4], step_mm=12.0)
    error = refused(tmp_path / "far", ErrorCode.MISSING_SLICES)
    assert "12.0 mm apart" in error.message
    assert "slices lie closer together" in error.remedy
    write_series(tmp_path / "near", HU)
    assert load_volume(tmp_path / "near").hu.shape == HU.shape


def test_two_sets_mixed_then_one_of_them(tmp_path: Path) -> None:
    """A third of a slice further, and nothing says which is which."""

    def edit(dataset: Dataset, _k: int) -> None:
        del dataset.InstanceNumber

    write_series(tmp_path / "one", HU, edit=edit)
    write_series(
        tmp_path / "two", HU, edit=edit, first_lps_mm=(-100.0, -80.0, -299.0), prefix="two"
    )
    for path in (tmp_path / "two").iterdir():
        import pydicom

        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID += ".2"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path)
    error = refused(tmp_path, ErrorCode.INCONSISTENT_SERIES)
    assert "1.0 mm and 2.0 mm apart by turns" in error.message
    assert "Give the images of one set alone" in error.remedy
    assert np.array_equal(load_volume(tmp_path / "one").hu, HU)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_rescale_that_is_missing_or_no_number_is_named(keyword: str, tmp_path: Path) -> None:
    def remove(dataset: Dataset, _k: int) -> None:
        delattr(dataset, keyword)

    write_series(tmp_path / "missing", HU, edit=remove)
    error = refused(tmp_path / "missing", ErrorCode.NOT_HOUNSFIELD)
    assert f"Its {keyword} is missing" in error.message
    assert "unchanged" in error.remedy


def test_another_unit_is_named(tmp_path: Path) -> None:
    write_series(tmp_path, HU, edit=set_all(RescaleType="Z_EFF"))
    assert "RescaleType is Z_EFF, not HU" in refused(tmp_path, ErrorCode.NOT_HOUNSFIELD).message


def test_parts_of_one_series_are_not_called_series(tmp_path: Path) -> None:
    """None of two acquisitions is a volume; it is one series, and it is said what differs."""

    def edit(dataset: Dataset, k: int) -> None:
        dataset.AcquisitionNumber = 1 + k // 4
        dataset.ImagePositionPatient = [-100.0, -80.0, -300.0 + 3.0 * (k % 4)]

    write_series(tmp_path, HU[:8], edit=edit)
    message = refused(tmp_path, ErrorCode.TOO_FEW_SLICES).message
    assert "Its only series is in 2 parts (they differ in AcquisitionNumber)" in message


def test_what_is_left_out_says_in_what_it_differs(tmp_path: Path) -> None:
    write_series(tmp_path, HU, edit=set_all(AcquisitionNumber=1))

    def later(dataset: Dataset, _k: int) -> None:
        dataset.AcquisitionNumber = 2
        dataset.SOPInstanceUID += ".2"

    write_series(tmp_path, HU, edit=later, prefix="later")
    volume = load_volume(tmp_path)
    (warning,) = volume.warnings
    assert warning.code == "part-of-series-left-out"
    assert "40 images of the chosen series left out (another AcquisitionNumber)" in warning.message
    assert "acquired first" in warning.message


def test_images_that_are_turned_are_left_out_for_that_reason(tmp_path: Path) -> None:
    def turned(dataset: Dataset, k: int) -> None:
        if k % 4 == 1:
            a = np.deg2rad(0.8)
            c, s = f"{np.cos(a):.6f}", f"{np.sin(a):.6f}"
            dataset.ImageOrientationPatient = [c, s, 0, f"-{s}", c, 0]

    write_series(tmp_path, HU, edit=turned, shuffle=None)
    message = refused(tmp_path, ErrorCode.MISSING_SLICES).message
    assert "in 2 parts (they differ in ImageOrientationPatient)" in message


def test_images_without_a_frame_of_reference_belong_to_the_others(tmp_path: Path) -> None:
    def without(dataset: Dataset, k: int) -> None:
        if k % 2:
            dataset.FrameOfReferenceUID = ""

    write_series(tmp_path, HU, edit=without)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, HU)
    (warning,) = volume.warnings
    assert warning.code == "frame-of-reference-varies"
    assert warning.message.startswith("Some images name no frame of reference;")


def test_an_acquisition_number_that_some_lack_is_one_acquisition(tmp_path: Path) -> None:
    def some(dataset: Dataset, k: int) -> None:
        dataset.AcquisitionNumber = 3 if k < 20 else None

    write_series(tmp_path, HU, edit=some)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, HU)
    assert not volume.warnings
