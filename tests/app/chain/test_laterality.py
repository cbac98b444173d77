"""The side of a finding, told by the lung next to it or by the mid-plane."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.laterality import laterality
from nodulus.app.chain.settings import load_settings
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT

RULE = load_settings().pipeline.laterality


def shifted_lungs(middle_mm: float = 20.0) -> LungRegion:
    """A narrow right lung and a wide left one, which reaches across the mid-plane in front.

    Axes (z, y, x) of 5 mm; x from -100 mm, y from -60 mm, z from 0.
    """
    sides = np.zeros((40, 24, 41), np.uint8)
    sides[5:35, :, 2:14] = RIGHT  # x from -90 to -35
    sides[5:35, :, 26:39] = LEFT  # x from 30 to 90
    sides[5:35, :4, 22:26] = LEFT  # x from 10 to 25, y from -60 to -45
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[1, 1] = affine[0, 2] = 5.0
    affine[:3, 3] = (-100.0, -60.0, 0.0)
    affine[3, 3] = 1.0
    geometry = Geometry(sides.shape, affine)
    return LungRegion(sides > 0, sides, geometry, (False, False), False, (1, 0, 0, middle_mm))


@pytest.mark.parametrize(
    ("point", "side"),
    [
        ((-60.0, 0.0, 100.0), "right"),
        ((60.0, 0.0, 100.0), "left"),
        ((12.0, -50.0, 100.0), "left"),  # on the right of the mid-plane, in the left lung
        ((12.0, 40.0, 100.0), "right"),  # there, but far from both lungs
        ((18.0, 40.0, 100.0), None),
        ((-60.0, 0.0, 8.0), None),  # more than a level below the lungs
        ((-97.0, 0.0, 100.0), "right"),  # in the chest wall
        ((60.0, 100.0, 100.0), "left"),  # behind the lungs
        ((-60.0, 100.0, 100.0), "right"),
        ((25.0, 100.0, 100.0), "left"),  # as far from the mid-plane as is asked
        ((15.0, 100.0, 100.0), "right"),
        ((24.9, 100.0, 100.0), None),
        ((15.1, 100.0, 100.0), None),
        ((0.0, -50.0, 100.0), "left"),  # as far from a lung as is near, and beyond the mid-plane
        ((-0.1, -50.0, 100.0), "right"),
        ((60.0, 0.0, 15.0), "left"),  # a level below the lungs
        ((60.0, 0.0, 14.9), None),
    ],
)
def test_the_lung_next_to_a_point_tells_its_side_else_the_mid_plane(
    point: tuple[float, float, float], side: str | None
) -> None:
    assert laterality(shifted_lungs(), point, RULE) == side


@pytest.mark.parametrize(("x_mm", "side"), [(20.5, "left"), (19.5, "right")])
def test_a_mid_plane_without_width_tells_a_side_of_every_point(x_mm: float, side: str) -> None:
    rule = RULE.model_copy(update={"middle_mm": 0.0})
    assert laterality(shifted_lungs(), (x_mm, 100.0, 100.0), rule) == side


def test_a_tilted_grid_tells_what_all_of_its_voxels_tell() -> None:
    rng = np.random.default_rng(4)
    sides = np.zeros((12, 16, 18), np.uint8)
    sides[2:10, 3:13, 2:8] = RIGHT
    sides[2:10, 3:13, 10:16] = LEFT
    sides[rng.random(sides.shape) < 0.4] = 0
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0.0, 0.0, 6.0], [2.5, 6.0, 0.0], [5.0, -1.0, 0.0]])  # sheared
    affine[:3, 3] = (-50.0, -45.0, 10.0)
    geometry = Geometry(sides.shape, affine)
    lungs = LungRegion(sides > 0, sides, geometry, (False, False), False, (1, 0, 0, 1.0))
    index = np.argwhere(sides)
    voxels = geometry.index_to_lps(index)
    told = set()
    for at in rng.uniform(-4, np.array(sides.shape) + 3, (300, 3)):
        point = geometry.index_to_lps(at)
        away = np.linalg.norm(voxels - point, axis=1)
        nearest = int(np.argmin(away))
        expected: str | None
        if not (np.abs(voxels[:, 2] - point[2]) <= RULE.level_mm).any():
            expected = None
        elif away[nearest] <= RULE.next_to_mm:
            expected = "left" if sides[tuple(index[nearest])] == LEFT else "right"
        else:
            offset = point[0] - 1.0
            near_middle = abs(offset) < RULE.middle_mm
            expected = None if near_middle else "left" if offset > 0 else "right"
        assert laterality(lungs, point, RULE) == expected
        told.add((expected, bool(away[nearest] <= RULE.next_to_mm)))
    assert {("left", True), ("right", True), ("left", False), ("right", False)} <= told
