"""Diameters and volume of forms that are known."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.measurements import axial_diameters, measure


def ellipsoid(
    semi_axes_lps_mm: tuple[float, float, float], affine: np.ndarray, shape: tuple[int, int, int]
) -> tuple[np.ndarray, Geometry]:
    """A mask around the middle of the volume."""
    geometry = Geometry(shape, affine)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    middle = geometry.index_to_lps((np.array(shape) - 1) / 2)
    offset = (geometry.index_to_lps(index) - middle) / semi_axes_lps_mm
    return np.linalg.norm(offset, axis=-1) <= 1, geometry


def axial(spacing_irc: tuple[float, float, float]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.array(
        [[0, 0, spacing_irc[2]], [0, spacing_irc[1], 0], [spacing_irc[0], 0, 0]]
    )
    affine[:3, 3] = (-30, -200, -100)
    return affine


def test_an_ellipsoid_measures_as_it_is() -> None:
    mask, geometry = ellipsoid((12, 7, 9), axial((1.0, 0.5, 0.5)), (31, 61, 81))
    hu = np.where(mask, 40, -800).astype(np.int16)
    result = measure(hu, mask, geometry)
    assert result.volume_mm3 == pytest.approx(4 / 3 * np.pi * 12 * 7 * 9, rel=0.02)
    assert result.diameters.longest_mm == pytest.approx(24, abs=0.6)
    assert result.diameters.perpendicular_mm == pytest.approx(14, abs=0.6)
    assert (result.mean_hu, result.sd_hu) == (40.0, 0.0)
    middle = geometry.index_to_lps((np.array(mask.shape) - 1) / 2)
    assert result.center_lps_mm == pytest.approx(tuple(middle), abs=0.05)
    ends = np.array(result.diameters.longest_ends_lps_mm)
    assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(result.diameters.longest_mm)
    cross = np.array(result.diameters.perpendicular_ends_lps_mm)
    assert (ends[1] - ends[0]) @ (cross[1] - cross[0]) == pytest.approx(0, abs=1e-6)


def test_the_diameter_is_axial_whatever_the_slices_are() -> None:
    # Coronal slices: I runs along y. The long axis, 10 mm along z, must not count.
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 1.0], [1.0, 0, 0], [0, -1.0, 0]])
    mask, geometry = ellipsoid((4, 6, 10), affine, (21, 31, 21))
    assert axial_diameters(mask, geometry).longest_mm == pytest.approx(12, abs=1.0)


def test_one_voxel_has_the_size_of_a_voxel() -> None:
    mask = np.zeros((3, 5, 5), bool)
    mask[1, 2, 2] = True
    result = measure(
        np.zeros(mask.shape, np.int16), mask, Geometry(mask.shape, axial((3, 0.7, 0.7)))
    )
    assert result.voxel_count == 1
    assert 0.5 < result.diameters.longest_mm < 1.0


def test_nothing_to_measure_is_refused() -> None:
    empty = np.zeros((3, 3, 3), bool)
    with pytest.raises(ValueError, match="empty"):
        measure(np.zeros(empty.shape), empty, Geometry((3, 3, 3), np.eye(4)))
    with pytest.raises(ValueError, match="shapes differ"):
        measure(np.zeros((2, 3, 3)), empty, Geometry((3, 3, 3), np.eye(4)))
