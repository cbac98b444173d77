"""Slices are sorted, checked and placed; gaps, repeats and wrong ones are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import load_volume
from nodulus.app.volume import CtVolume

from .dicom_factory import AXIAL, CORONAL, SAGITTAL, body_hu, write_series

FIRST = np.array([-100.0, -80.0, -300.0])


def codes(volume: CtVolume) -> list[str]:
    return [warning.code for warning in volume.warnings]


def failure(folder: Path) -> ErrorCode:
    with pytest.raises(NodulusError) as caught:
        load_volume(folder)
    return caught.value.code


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sorted_by_position_whatever_the_names(tmp_path: Path, seed: int) -> None:
    hu = body_hu()
    write_series(tmp_path, hu, shuffle=seed)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert volume.hu.dtype == np.int16
    assert np.allclose(volume.geometry.index_to_lps([7, 5, 3]), FIRST + np.array([1.5, 3.75, 21.0]))
    heights = [image.position_lps_mm[2] for image in volume.source_images]
    assert heights == sorted(heights)


@pytest.mark.parametrize(
    "orientation",
    [AXIAL, (-1, 0, 0, 0, -1, 0), (1, 0, 0, 0, -1, 0), (-1, 0, 0, 0, 1, 0), (0, 1, 0, -1, 0, 0)],
)
def test_axial_slices_go_to_the_head_and_stay_in_place(
    tmp_path: Path, orientation: tuple[float, ...]
) -> None:
    hu = body_hu()
    write_series(tmp_path, hu, orientation=orientation)
    volume = load_volume(tmp_path)
    assert volume.geometry.affine_lps[2, 0] > 0
    normal = np.cross(orientation[:3], orientation[3:])
    read = volume.hu if normal[2] > 0 else volume.hu[::-1]
    assert np.array_equal(read, hu)
    # The same voxel is at the same place, counted from either end.
    k = 7 if normal[2] > 0 else len(hu) - 1 - 7
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    expected = FIRST + normal * 21.0 + column * 5 * 0.75 + row * 3 * 0.5
    assert np.allclose(volume.geometry.index_to_lps([k, 5, 3]), expected)


@pytest.mark.parametrize("orientation", [CORONAL, SAGITTAL])
def test_other_orientations_are_read_too(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    hu = body_hu()
    write_series(tmp_path, hu, orientation=orientation)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    normal = np.cross(orientation[:3], orientation[3:])
    assert np.allclose(volume.geometry.direction_irc[:, 0], normal)


# Shrinking would write hundreds of series; the first failing example says enough.
@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
@given(
    angles=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    spacing=st.tuples(*[st.floats(0.4, 2.0)] * 2),
    step=st.floats(9.0, 10.0),
    first=st.tuples(*[st.floats(-400, 400)] * 3),
)
def test_any_oblique_series_keeps_its_points(
    tmp_path_factory: pytest.TempPathFactory,
    angles: tuple[float, float, float],
    spacing: tuple[float, float],
    step: float,
    first: tuple[float, float, float],
) -> None:
    folder = tmp_path_factory.mktemp("oblique")
    row, column, normal = rotation(*angles).T
    hu = body_hu((12, 6, 5))
    write_series(
        folder,
        hu,
        orientation=[*row, *column],
        spacing_mm=spacing,
        step_mm=step,
        first_lps_mm=first,
    )
    volume = load_volume(folder)
    assert np.array_equal(volume.hu, hu)
    expected = first + normal * step * 11 + column * spacing[0] * 4 + row * spacing[1] * 2
    assert np.allclose(volume.geometry.index_to_lps([11, 4, 2]), expected, atol=1e-4)


def rotation(a: float, b: float, c: float) -> np.ndarray:
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)


def test_spacing_comes_from_positions(tmp_path: Path) -> None:
    def wrong_thickness(dataset: Dataset, k: int) -> None:
        dataset.SliceThickness = "7"

    write_series(tmp_path, body_hu(), step_mm=3.1, edit=wrong_thickness)
    volume = load_volume(tmp_path)
    assert volume.geometry.spacing_irc_mm == pytest.approx((3.1, 0.75, 0.5))
    assert volume.facts.slice_thickness_mm == 7.0


def test_missing_slices_are_interpolated_in_place(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path, hu, keep=[k for k in range(40) if k not in (11, 20)])
    volume = load_volume(tmp_path)
    # The body grows by 3 HU a slice, so that linear interpolation is exact.
    assert np.array_equal(volume.hu, hu)
    assert codes(volume) == ["missing-slices-interpolated"]
    assert "2 of 40" in volume.warnings[0].message
    assert not volume.is_source_grid
    assert len(volume.source_images) == 38
    assert np.allclose(volume.geometry.index_to_lps([39, 0, 0]), FIRST + np.array([0, 0, 117.0]))


def test_wide_gap_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, body_hu(), keep=[k for k in range(40) if k not in (10, 11, 12)])
    assert failure(tmp_path) is ErrorCode.MISSING_SLICES


def test_many_small_gaps_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, body_hu(), keep=[k for k in range(40) if k % 7 != 3])
    assert failure(tmp_path) is ErrorCode.MISSING_SLICES


def test_small_jitter_is_silent(tmp_path: Path) -> None:
    hu = body_hu()
    heights = [round(3 * k + 0.009 * (-1) ** k, 3) for k in range(40)]
    write_series(tmp_path, hu, heights_mm=heights)
    volume = load_volume(tmp_path)
    assert volume.is_source_grid
    assert volume.warnings == ()
    assert volume.geometry.spacing_irc_mm[0] == pytest.approx(3.0, abs=1e-3)


def test_uneven_slices_are_resampled(tmp_path: Path) -> None:
    heights = [3.0 * k + (0.8 if k % 3 == 1 else 0.0) for k in range(40)]
    hu = np.full((40, 8, 8), -1000, dtype=np.int16)
    hu[:, 2:6, 2:6] = np.round(np.array(heights) * 10)[:, None, None]
    write_series(tmp_path, hu, heights_mm=heights)
    volume = load_volume(tmp_path)
    assert codes(volume) == ["uneven-slices-resampled"]
    assert not volume.is_source_grid
    mm = volume.geometry.index_to_lps([[k, 0, 0] for k in range(len(volume.hu))])[:, 2] + 300
    assert np.allclose(volume.hu[:, 3, 3], mm * 10, atol=1)


def test_very_uneven_slices_are_refused(tmp_path: Path) -> None:
    heights = np.cumsum([3.0] * 20 + [8.5] * 5 + [3.4] * 15).tolist()
    write_series(tmp_path, body_hu(), heights_mm=heights)
    assert failure(tmp_path) is ErrorCode.UNEVEN_SLICES


@pytest.mark.parametrize("apart_mm", [0.0, 0.001])
def test_doubled_slice_with_the_same_pixels_is_dropped(tmp_path: Path, apart_mm: float) -> None:
    hu = body_hu()
    write_series(tmp_path, hu)

    def moved(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"1.2.3.{k}"
        dataset.ImagePositionPatient[2] += apart_mm
        dataset.InstanceNumber = 500 + k

    write_series(tmp_path, hu, keep=[4, 9], edit=moved, prefix="again-")
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert codes(volume) == ["doubled-slices-dropped"]
    assert volume.is_source_grid


def test_doubled_slice_with_other_pixels_is_said(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path, hu)

    def other(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"1.2.3.{k}"
        dataset.InstanceNumber = 500 + k

    write_series(tmp_path, hu + 50, keep=[4], edit=other, prefix="again-")
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert codes(volume) == ["doubled-slices-differ"]


def test_two_series_under_one_uid_are_refused(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path, hu)

    def other(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"1.2.3.{k}"

    write_series(tmp_path, hu + 50, edit=other, prefix="again-")
    assert failure(tmp_path) is ErrorCode.DUPLICATE_SLICES


def test_missing_and_malformed_attributes(tmp_path: Path) -> None:
    def no_position(dataset: Dataset, k: int) -> None:
        del dataset.ImagePositionPatient

    def no_orientation(dataset: Dataset, k: int) -> None:
        del dataset.ImageOrientationPatient

    def crooked(dataset: Dataset, k: int) -> None:
        dataset.ImageOrientationPatient = ["1", "0", "0", "0.5", "0.5", "0"]

    def flat(dataset: Dataset, k: int) -> None:
        dataset.PixelSpacing = ["0", "0.5"]

    for name, edit, code, word in (
        ("position", no_position, ErrorCode.MISSING_ATTRIBUTE, "ImagePositionPatient"),
        ("orientation", no_orientation, ErrorCode.MISSING_ATTRIBUTE, "ImageOrientationPatient"),
        ("crooked", crooked, ErrorCode.INVALID_ATTRIBUTE, "ImageOrientationPatient"),
        ("flat", flat, ErrorCode.INVALID_ATTRIBUTE, "PixelSpacing"),
    ):
        write_series(tmp_path / name, body_hu(), edit=edit)
        with pytest.raises(NodulusError, match=word) as caught:
            load_volume(tmp_path / name)
        assert caught.value.code is code, name


def test_one_image_without_position_counts_as_missing(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        if k == 8:
            del dataset.ImagePositionPatient

    hu = body_hu()
    write_series(tmp_path, hu, edit=edit)
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert set(codes(volume)) == {"part-of-series-left-out", "missing-slices-interpolated"}


def test_huge_matrix_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    def huge(dataset: Dataset, k: int) -> None:
        dataset.Rows = dataset.Columns = 65535
        dataset.PixelData = b"\0\0"

    write_series(tmp_path / "cut", body_hu(), edit=huge)
    assert failure(tmp_path / "cut") in (ErrorCode.TRUNCATED_FILE, ErrorCode.INVALID_ATTRIBUTE)
