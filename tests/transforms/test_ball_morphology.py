"""Against scipy's plain versions: the same voxels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import bounding_box, dilate, erode, open_by_cross
from nodulus.transforms.search_region import _closing, _fill_holes

LARGEST_MM2 = 2500.0


def blobs(shape: tuple[int, int, int], seed: int, share: float) -> NDArray[np.bool_]:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.asarray(noise > np.quantile(noise, 1 - share))


CASES = [
    ((20, 33, 41), (2.5, 2.1, 1.9), 4.001),
    ((9, 40, 24), (5.0, 2.5, 2.5), 18.001),
    ((30, 17, 64), (1.0, 1.0, 1.0), 3.0),  # whole numbers: many voxels lie right on the ball
    ((1, 25, 25), (2.5, 2.5, 2.5), 6.001),
    ((25, 25, 3), (2.5, 2.5, 2.5), 12.001),
    ((12, 12, 12), (3.0, 3.0, 3.0), 2.0),  # smaller than a voxel
]


@pytest.mark.parametrize(("shape", "spacing", "radius"), CASES)
@pytest.mark.parametrize("share", [0.002, 0.3])
def test_grown_is_a_threshold_of_the_distance(
    shape: tuple[int, int, int], spacing: tuple[float, ...], radius: float, share: float
) -> None:
    mask = blobs(shape, 1, share)
    assert mask.any()
    expected = ndimage.distance_transform_edt(~mask, sampling=spacing) <= radius
    assert np.array_equal(dilate(mask, spacing, radius), expected)


@pytest.mark.parametrize(("shape", "spacing", "radius"), CASES)
def test_shrunk_is_a_threshold_of_the_distance(
    shape: tuple[int, int, int], spacing: tuple[float, ...], radius: float
) -> None:
    mask = blobs(shape, 2, 0.9)
    expected = ndimage.distance_transform_edt(mask, sampling=spacing) > radius
    assert np.array_equal(erode(mask, spacing, radius), expected)


def test_no_voxel_and_all_voxels() -> None:
    none = np.zeros((5, 6, 7), bool)
    assert not dilate(none, (1, 1, 1), 3.0).any()
    assert erode(~none, (1, 1, 1), 3.0).all()


def test_views_in_another_order_are_taken() -> None:
    mask = blobs((20, 30, 26), 3, 0.1)
    turned = mask.transpose(2, 0, 1)[::-1]
    spacing = (1.5, 2.5, 2.0)
    expected = ndimage.distance_transform_edt(~turned, sampling=spacing) <= 5.0
    assert np.array_equal(dilate(turned, spacing, 5.0), expected)


@pytest.mark.parametrize("shape", [(20, 33, 41), (3, 3, 3), (2, 30, 30), (1, 1, 1)])
def test_opening_by_a_cross(shape: tuple[int, int, int]) -> None:
    mask = blobs(shape, 4, 0.7)
    assert np.array_equal(open_by_cross(mask), ndimage.binary_opening(mask))


def test_bounding_box_stays_in_the_array() -> None:
    mask = np.zeros((10, 10, 10), bool)
    mask[0, 4, 8] = mask[2, 5, 9] = True
    assert bounding_box(mask, (1, 1, 1)) == (slice(0, 4), slice(3, 7), slice(7, 11))
    assert mask[bounding_box(mask)].shape == (3, 2, 2)


def test_closing_of_the_lungs_in_their_box() -> None:
    mask = np.zeros((30, 50, 60), bool)
    mask[0:20, 5:40, 20:58] = blobs((20, 35, 38), 5, 0.1)
    spacing, radius = np.asarray([2.5, 2.0, 2.2]), 10.0
    padded = np.pad(mask, 8)
    outside = ndimage.distance_transform_edt(~padded, sampling=spacing) > radius + 1e-3
    closed = ndimage.distance_transform_edt(~outside, sampling=spacing) > radius + 1e-3
    expected = closed[8:-8, 8:-8, 8:-8] | mask
    assert expected.sum() > mask.sum()
    assert np.array_equal(_closing(mask, spacing, radius), expected)


def test_holes_are_filled_plane_by_plane() -> None:
    mask = blobs((12, 60, 60), 6, 0.75)
    pixel_mm2 = 30.0  # so that some holes are too large
    expected = mask.copy()
    for plane in expected:
        holes, _ = ndimage.label(ndimage.binary_fill_holes(plane) & ~plane)
        area = np.bincount(holes.ravel()) * pixel_mm2
        area[0] = np.inf
        plane |= (area <= LARGEST_MM2)[holes]
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in mask])
    assert mask.sum() < expected.sum() < filled.sum()
    assert np.array_equal(_fill_holes(mask, pixel_mm2, LARGEST_MM2), expected)
