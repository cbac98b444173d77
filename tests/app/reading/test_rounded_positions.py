"""Positions that an exporter rounded, against slices that are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import load_volume
from tests.app.reading.dicom_factory import Edit, body_hu, write_series

HU = body_hu((120, 24, 20))


def rounded(step_mm: float, quantum_mm: float, thickness_mm: float) -> Edit:
    def edit(dataset: Dataset, k: int) -> None:
        x, y, _ = dataset.ImagePositionPatient
        z = round((-300.0 + k * step_mm) / quantum_mm) * quantum_mm
        dataset.ImagePositionPatient = [x, y, f"{z:.3f}"]
        dataset.SliceThickness = thickness_mm

    return edit


@pytest.mark.parametrize(
    ("step_mm", "quantum_mm"), [(1.25, 1.0), (0.7, 0.5), (2.5, 1.0), (0.625, 0.1), (1.4, 1.0)]
)
def test_rounded_positions_are_evened(step_mm: float, quantum_mm: float, tmp_path: Path) -> None:
    edit = rounded(step_mm, quantum_mm, step_mm)
    write_series(tmp_path, HU, step_mm=step_mm, shuffle=None, edit=edit)
    volume = load_volume(tmp_path)
    assert volume.geometry.spacing_irc_mm[0] == pytest.approx(step_mm, rel=0.01)
    assert np.array_equal(volume.hu, HU)
    assert volume.is_source_grid
    assert "positions-rounded" in {warning.code for warning in volume.warnings}
    for k in (0, 60, 119):
        z = volume.geometry.index_to_lps((k, 0, 0))[2]
        assert z == pytest.approx(-300.0 + k * step_mm, abs=quantum_mm / 2 + 0.01)


def test_slice_location_tells_too(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        rounded(1.25, 1.0, 2.5)(dataset, k)
        dataset.SliceLocation = f"{k * 1.25:.3f}"

    write_series(tmp_path, HU, step_mm=1.25, shuffle=None, edit=edit)
    volume = load_volume(tmp_path)
    assert volume.geometry.spacing_irc_mm[0] == pytest.approx(1.25)


def test_missing_slices_of_whole_millimetres_are_missing(tmp_path: Path) -> None:
    """The numbers leave them out, and the slices are as thick as they are apart."""
    keep = [k for k in range(120) if k % 13 != 5]
    write_series(tmp_path, HU, step_mm=1.0, shuffle=None, keep=keep)
    volume = load_volume(tmp_path)
    assert volume.geometry.spacing_irc_mm[0] == pytest.approx(1.0)
    assert volume.hu.shape[0] == 120
    assert "missing-slices-interpolated" in {warning.code for warning in volume.warnings}


def test_numbers_that_leave_slices_out_are_no_rounding(tmp_path: Path) -> None:
    """As rounded by place and thickness, but every fourth number is not there."""

    def edit(dataset: Dataset, k: int) -> None:
        rounded(1.25, 1.0, 1.25)(dataset, k)
        dataset.InstanceNumber = k + 1 + k // 4

    write_series(tmp_path, HU, step_mm=1.25, shuffle=None, edit=edit)
    with pytest.raises(NodulusError) as caught:
        load_volume(tmp_path)
    assert caught.value.code is ErrorCode.MISSING_SLICES


@pytest.mark.parametrize(("step_mm", "sign"), [(0.75, 1), (0.6, -1), (0.75, -1)])
def test_slices_that_rounding_puts_at_one_place_are_told_by_slice_location(
    step_mm: float, sign: int, tmp_path: Path
) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        rounded(step_mm, 1.0, step_mm)(dataset, k)
        dataset.SliceLocation = f"{sign * k * step_mm:.3f}"

    write_series(tmp_path, HU, step_mm=step_mm, shuffle=None, edit=edit)
    volume = load_volume(tmp_path)
    assert volume.geometry.spacing_irc_mm[0] == pytest.approx(step_mm)
    assert np.array_equal(volume.hu, HU)
    assert volume.is_source_grid
    assert [warning.code for warning in volume.warnings] == ["positions-rounded"]
    for k in (0, 119):
        z = volume.geometry.index_to_lps((k, 0, 0))[2]
        assert z == pytest.approx(-300.0 + k * step_mm, abs=0.51)


def test_without_slice_location_they_are_images_at_one_place(tmp_path: Path) -> None:
    write_series(tmp_path, HU, step_mm=0.75, shuffle=None, edit=rounded(0.75, 1.0, 0.75))
    with pytest.raises(NodulusError) as error:
        load_volume(tmp_path)
    assert error.value.code is ErrorCode.DUPLICATE_SLICES
