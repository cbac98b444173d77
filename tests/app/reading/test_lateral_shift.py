"""Slices of a tilted gantry, or moved sideways, are moved back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import load_volume
from nodulus.app.reading.lateral_shift import place_slice

from .dicom_factory import write_series


def ball_hu(points_lps_mm: np.ndarray, balls_lps: np.ndarray) -> np.ndarray:
    """Soft balls in air, of 5 mm standard deviation."""
    squares = [np.sum((points_lps_mm - ball) ** 2, axis=-1) for ball in balls_lps]
    return -1000 + 1000 * sum(np.exp(-square / (2 * 5.0**2)) for square in squares)


def tilted(folder: Path, degrees: float, balls_lps: np.ndarray) -> None:
    """Tilt about x as a gantry does: planes lean, the table moves along z."""
    angle = np.radians(degrees)
    column = np.array([0.0, np.cos(angle), np.sin(angle)])
    step = np.array([0.0, 0.0, 3.0])
    first = np.array([-30.0, -30.0, -60.0])
    i, r, c = np.meshgrid(np.arange(45), np.arange(60), np.arange(60), indexing="ij")
    points = (
        first
        + i[..., None] * step
        + r[..., None] * column
        + c[..., None] * np.array([1.0, 0.0, 0.0])
    )
    write_series(
        folder,
        np.rint(ball_hu(points, balls_lps)).astype(np.int16),
        spacing_mm=(1.0, 1.0),
        step_mm=step,
        first_lps_mm=first,
        orientation=[1.0, 0.0, 0.0, *column],
    )


@pytest.mark.parametrize("degrees", [-25.0, 10.0, 20.0])
def test_tilted_gantry_keeps_every_point_in_place(tmp_path: Path, degrees: float) -> None:
    balls = np.array([[-8.0, -10.0, -30.0], [9.0, 0.0, 20.0], [0.0, 8.0, 0.0]])
    tilted(tmp_path, degrees, balls)
    volume = load_volume(tmp_path)
    assert [warning.code for warning in volume.warnings] == ["tilted-gantry-resampled"]
    assert f"{abs(degrees):.1f} degrees" in volume.warnings[0].message
    assert not volume.is_source_grid
    axes = volume.geometry.direction_irc
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    assert volume.geometry.spacing_irc_mm[0] == pytest.approx(
        3.0 * np.cos(np.radians(degrees)), abs=1e-3
    )
    assert volume.hu.min() == -1024  # outside of the tilted field of view
    index = np.stack(np.meshgrid(*map(np.arange, volume.hu.shape), indexing="ij"), axis=-1)
    expected = ball_hu(volume.geometry.index_to_lps(index), balls)
    inside = expected > -950
    assert inside.sum() > 5000
    # Linear interpolation within a pixel of 1 mm is off by 5 HU at most here.
    assert np.abs(volume.hu - expected)[inside].max() < 8


def test_beyond_a_gantry_is_refused(tmp_path: Path) -> None:
    tilted(tmp_path, 60.0, np.zeros((1, 3)))
    with pytest.raises(NodulusError) as caught:
        load_volume(tmp_path)
    assert caught.value.code is ErrorCode.INCONSISTENT_SERIES


def test_slice_that_is_shifted_sideways_is_moved_back(tmp_path: Path) -> None:
    hu = np.full((40, 30, 30), -1000, dtype=np.int16)
    hu[:, 10:20, 10:20] = 0
    moved = hu.copy()
    moved[20] = np.roll(hu[20], -4, axis=1)
    write_series(
        tmp_path,
        moved,
        spacing_mm=(1.0, 1.0),
        edit=lambda dataset, k: (
            dataset.ImagePositionPatient.__setitem__(0, "-96") if k == 20 else None
        ),
    )
    volume = load_volume(tmp_path)
    assert [warning.code for warning in volume.warnings] == ["shifted-slices-resampled"]
    assert np.array_equal(volume.hu[:, 10:20, 10:20], hu[:, 10:20, 10:20])
    assert np.allclose(volume.geometry.index_to_lps([0, 0, 0]), [-100.0, -80.0, -300.0])


def test_place_slice_by_whole_and_half_pixels() -> None:
    hu = np.zeros((2, 2), dtype=np.int16)
    whole = place_slice(hu, np.array([1.0, 0.0]), (3, 3))
    assert whole.tolist() == [[-1024, -1024, -1024], [0, 0, -1024], [0, 0, -1024]]
    half = place_slice(hu, np.array([0.0, 0.5]), (2, 3))
    assert half.tolist() == [[-512, 0, -512], [-512, 0, -512]]
