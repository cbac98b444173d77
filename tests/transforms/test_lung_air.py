"""Air that is not the lungs', whatever closes it in; the trachea; the two sides."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.lungs import find_lungs
from tests.transforms.chest import SPACING, chest


def ml(mask: np.ndarray) -> float:
    return float(mask.sum()) * SPACING**3 / 1000


def found(hu: np.ndarray, geometry: Geometry) -> LungRegion:
    region = find_lungs(hu, geometry)
    assert region is not None
    return region


def aerated(parts: dict[str, np.ndarray]) -> np.ndarray:
    return parts["lungs"] & ~parts["nodule"]


def assert_the_lungs_alone(region: LungRegion, parts: dict[str, np.ndarray]) -> None:
    assert region.volume_ml == pytest.approx(ml(aerated(parts)), rel=0.03)
    assert not (region.aerated & ~parts["lungs"]).any()


@pytest.mark.parametrize("closed_at_its_ends", [False, True])
@pytest.mark.parametrize("noise", [0, 60])
def test_air_under_an_object_over_the_chest_is_not_lung(
    closed_at_its_ends: bool, noise: int
) -> None:
    hu, geometry, parts = chest(table=False)
    z, y, x = np.indices(hu.shape)
    inside = (abs(x - 80) < 45) & (y < 30) & (z > 40) & (z < 98)
    pocket = inside & (y >= 4) & (hu < -900)
    hu[inside & ((y < 4) | (abs(x - 80) >= 42))] = 2000
    if closed_at_its_ends:
        hu[pocket & ((z < 43) | (z > 95))] = 300
    streaks = np.random.default_rng(1).normal(-900, max(noise, 1), hu.shape)
    pocket &= hu < -500
    hu[pocket] = streaks[pocket]
    assert ml(pocket) > 300
    assert_the_lungs_alone(found(hu, geometry), parts)


def test_air_between_an_arm_and_the_chest_is_not_lung() -> None:
    hu, geometry, parts = chest(table=False)
    z, y, x = np.indices(hu.shape)
    arm = ((x - 14) / 12) ** 2 + ((y - 60) / 40) ** 2 <= 1
    hole = ((x - 14) / 8) ** 2 + ((y - 60) / 30) ** 2 <= 1
    gap = hole & (z > 10) & (z < 90)
    hu[arm & (hu < -900)] = 40
    hu[gap] = -985
    assert ml(gap) > 300
    assert_the_lungs_alone(found(hu, geometry), parts)


def test_the_foam_of_a_table_that_touches_the_back_is_not_lung() -> None:
    hu, geometry, parts = chest()
    hu[:, 100:112, 70:90] = 40  # the patient lies on it
    hu[:, 110:126, 20:23] = hu[:, 110:126, 137:140] = 100
    hu[[0, -1], 110:126, 20:140] = 100
    assert_the_lungs_alone(found(hu, geometry), parts)


@pytest.mark.parametrize("value", [0, 500, -500, 3071, -3024])
@pytest.mark.parametrize("radius", [66, 52])
def test_what_fills_the_corners_of_a_round_field_of_view_changes_nothing(
    value: int, radius: int
) -> None:
    hu, geometry, parts = chest(table=False)
    y, x = np.indices(hu.shape[1:])
    outside = (x - 80) ** 2 + (y - 60) ** 2 > radius**2  # the lungs reach to 52, the body to 68
    expected = hu.copy()
    expected[:, outside] = -1024
    hu[:, outside] = value
    region, as_air = found(hu, geometry), found(expected, geometry)
    both, either = (
        region.search_region & as_air.search_region,
        region.search_region | as_air.search_region,
    )
    assert both.sum() > 0.96 * either.sum()  # but for the voxels at the edge of the field
    assert region.volume_ml == pytest.approx(ml(aerated(parts)), rel=0.03)


def test_the_trachea_is_no_lung_and_does_not_reach_the_last_slice_for_it() -> None:
    hu, geometry, parts = chest()
    z, y, x = np.indices(hu.shape)
    trachea = ((x - 80) ** 2 + (y - 60) ** 2 <= 3.5**2) & (z >= 55)
    bronchus = (abs(y - 60) <= 1) & (abs(z - 55) <= 1) & (x > 60) & (x < 100)
    hu[(trachea | bronchus) & ~parts["lungs"]] = -990
    region = found(hu, geometry)
    assert region.touches_ends == (False, False)
    assert not region.aerated[trachea & (z > 60)].any()
    assert region.volume_ml == pytest.approx(ml(aerated(parts)), rel=0.03)


@pytest.mark.parametrize("bridge", [False, True])
@pytest.mark.parametrize("flip_z", [False, True])
def test_right_and_left_are_told_apart(bridge: bool, flip_z: bool) -> None:
    hu, geometry, parts = chest(flip_z=flip_z)
    z, y, x = np.indices(hu.shape)
    if bridge:  # the lungs touch in front, on the left side of the middle
        hu[(abs(z - 50) < 12) & (abs(y - 45) < 2) & (x > 60) & (x < 105)] = -850
    region = found(hu, geometry)
    lungs = aerated(parts)
    right, left = lungs & (x < 72), lungs & (x > 88)  # x grows to the patient's left
    assert (region.sides[right] == RIGHT).mean() > 0.97
    assert (region.sides[left] == LEFT).mean() > 0.97
    assert region.right_ml == pytest.approx(ml(right), rel=0.04)
    assert region.left_ml == pytest.approx(ml(left), rel=0.04)
    assert region.right_ml < region.left_ml  # the nodule is on the right
    left_of_it = geometry.index_to_lps((50.0, 60.0, 80.0 + 30 / SPACING))
    assert region.left_of_middle_mm(left_of_it) == pytest.approx(30, abs=4)


def test_a_spine_tells_the_middle_where_one_lung_is_small() -> None:
    hu, geometry, parts = chest()
    z, y, x = np.indices(hu.shape)
    hu[(abs(x - 80) < 6) & (abs(y - 95) < 10)] = 400
    hu[parts["lungs"] & (x > 80) & (z > 30)] = 30  # most of the left lung is full
    region = found(hu, geometry)
    middle = geometry.index_to_lps((50.0, 60.0, 80.0))
    assert region.left_of_middle_mm(middle) == pytest.approx(0, abs=4)
    assert 0 < region.left_ml < 0.4 * region.right_ml
