"""Masks on the grid of the source images, whatever was corrected in reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.results.label_boxes import planes_by_label
from nodulus.app.results.source_masks import labels_on_source
from nodulus.app.results.sources import read_source_headers
from nodulus.transforms.geometry import Geometry

from .synthetic import SHAPE, SPACING_MM, two_labels, write_multiframe, write_series


def test_same_grid_resampled_is_the_same(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    sources = read_source_headers(volume)
    direct, resampled = (
        labels_on_source(labels, volume.geometry, sources, is_source_grid=flag, finding_ids=[1, 2])
        for flag in (True, False)
    )
    np.testing.assert_array_equal(direct, labels)
    np.testing.assert_array_equal(resampled, labels)


def test_unknown_labels_are_dropped(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    sources = read_source_headers(volume)
    planes = labels_on_source(
        labels, volume.geometry, sources, is_source_grid=True, finding_ids=[1]
    )
    assert set(np.unique(planes)) == {0, 1}


def test_multiframe_planes_follow_the_file(tmp_path: Path) -> None:
    volume, labels = write_multiframe(tmp_path), two_labels()
    sources = read_source_headers(volume)
    planes = labels_on_source(
        labels, volume.geometry, sources, is_source_grid=True, finding_ids=[1, 2]
    )
    np.testing.assert_array_equal(planes, labels[::-1])
    resampled = labels_on_source(
        labels, volume.geometry, sources, is_source_grid=False, finding_ids=[1, 2]
    )
    np.testing.assert_array_equal(resampled, planes)


def test_interpolated_slices_fall_away(tmp_path: Path) -> None:
    """A volume of twice as many slices: source slice i is volume slice 2i."""
    volume = write_series(tmp_path)
    sources = read_source_headers(volume)
    rng = np.random.default_rng(3)
    fine = rng.integers(0, 3, (2 * SHAPE[0] - 1, *SHAPE[1:])).astype(np.uint8)
    affine = volume.geometry.affine_lps.copy()
    affine[:3, 0] /= 2
    geometry = Geometry(fine.shape, affine)
    planes = labels_on_source(fine, geometry, sources, is_source_grid=False, finding_ids=[1, 2])
    np.testing.assert_array_equal(planes, fine[::2])


def test_tilted_gantry_keeps_the_place_in_the_patient(tmp_path: Path) -> None:
    """Every source pixel takes the label of the voxel that its LPS point lies in."""
    tilt = np.deg2rad(15.0)
    orientation = (1.0, 0.0, 0.0, 0.0, float(np.cos(tilt)), float(np.sin(tilt)))
    volume = write_series(tmp_path, orientation=orientation)
    straight = Geometry.from_dicom(
        (40, 64, 64), (1, 0, 0, 0, 1, 0), (-40.0, -60.0, -210.0), (0, 0, 2.5), SPACING_MM[1:]
    )
    labels = np.zeros(straight.shape_irc, np.uint8)
    labels[10:16, 20:30, 15:25] = 1
    sources = read_source_headers(volume)
    planes = labels_on_source(labels, straight, sources, is_source_grid=False, finding_ids=[1])
    assert planes.any()
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    index = straight.lps_to_index(volume.geometry.index_to_lps(grid))
    nearest = np.floor(index + 0.5 - 1e-6).astype(int)
    inside = np.all((nearest >= 0) & (nearest < labels.shape), axis=-1)
    expected = np.zeros(SHAPE, np.uint8)
    expected[inside] = labels[tuple(nearest[inside].T)]
    np.testing.assert_array_equal(planes, expected)


def test_wrong_shape_is_refused(tmp_path: Path) -> None:
    volume = write_series(tmp_path)
    with pytest.raises(ValueError, match=r"labels have shape \(19, 64, 64\)"):
        labels_on_source(
            two_labels()[1:],
            volume.geometry,
            read_source_headers(volume),
            is_source_grid=True,
            finding_ids=[1],
        )


def test_planes_by_label() -> None:
    assert planes_by_label(two_labels()) == {1: [7, 8, 9, 10, 11], 2: [14, 15]}
