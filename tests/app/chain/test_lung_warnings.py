"""Lungs that are cut, too small, too large, or one-sided."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.lung_coverage import WHOLE, LungCoverage
from nodulus.app.chain.lung_warnings import lung_warnings
from nodulus.app.chain.settings_sections import UsualLungs
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT

USUAL = UsualLungs(min_ml=1500, max_ml=9500, min_share_of_one=0.25)


def region(right_ml: int, left_ml: int) -> LungRegion:
    """Lungs of these volumes, one voxel a ml."""
    sides = np.zeros((30, 30, 30), np.uint8)
    sides.ravel()[:right_ml] = RIGHT
    sides.ravel()[right_ml : right_ml + left_ml] = LEFT
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    return LungRegion(sides > 0, sides, Geometry(sides.shape, affine), (False, False))


@pytest.mark.parametrize(
    ("right_ml", "left_ml", "numbers"),
    [
        (2500, 2200, []),
        (800, 710, []),
        (5000, 4490, []),
        (800, 690, ["1,490"]),
        (5000, 4510, ["9,510"]),
        (3000, 990, ["left", "25 %", "990 of 3,990"]),
        (3000, 1010, []),
        (100, 3900, ["right", "2 %", "100 of 4,000"]),
        (1200, 0, ["1,200", "left", "0 of 1,200"]),
    ],
)
def test_odd_volumes_are_said_with_their_numbers(
    right_ml: int, left_ml: int, numbers: list[str]
) -> None:
    found = lung_warnings(region(right_ml, left_ml), WHOLE, USUAL)
    assert {warning.code for warning in found} <= {"lung-volume-unusual"}
    told = " ".join(warning.message for warning in found)
    assert bool(told) == bool(numbers)
    assert all(number in told for number in numbers)


def test_a_part_of_the_lungs_is_not_compared_with_whole_ones() -> None:
    part = LungCoverage(0.2, (120.0, 0.0))
    found = lung_warnings(region(600, 100), part, USUAL)
    assert [warning.code for warning in found] == ["lungs-cut"]
    assert "20 %" in found[0].message


def test_it_can_be_switched_off() -> None:
    assert lung_warnings(region(100, 0), WHOLE, None) == ()
