"""The distance to the pleura in lungs of known form."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.pleura_distance import PleuraRule, pleura_distance_mm

RULE = PleuraRule(closing_mm=18.0, reach_mm=40.0, least_share=0.5, touching_mm=2.5)
RADIUS_MM = 60.0
STEP_MM = 2.5


def grid(size: int = 60) -> Geometry:
    affine = np.diag([STEP_MM] * 3 + [1.0])[[2, 1, 0, 3]].T
    affine[:3, 3] = -STEP_MM * (size - 1) / 2
    return Geometry((size, size, size), affine)


def lungs(*, nodule=None, ends=(False, False), cut_below: int = 0) -> LungRegion:
    """A ball of lung around the origin, without the air of a nodule (centre, radius)."""
    geometry = grid()
    points = geometry.index_to_lps(np.argwhere(np.ones(geometry.shape_irc, bool)))
    air = (np.linalg.norm(points, axis=1) < RADIUS_MM).reshape(geometry.shape_irc)
    if nodule is not None:
        center, radius = nodule
        away = np.linalg.norm(points - center, axis=1).reshape(geometry.shape_irc)
        air &= away >= radius
    sides = np.where(air, LEFT, 0).astype(np.uint8)
    if cut_below:
        affine = geometry.affine_lps.copy()
        affine[:3, 3] = geometry.index_to_lps((cut_below, 0, 0))
        sides, air = sides[cut_below:], air[cut_below:]
        geometry = Geometry(sides.shape, affine)
    return LungRegion(air, sides, geometry, ends)


def ball(center, radius: float) -> np.ndarray:
    offsets = np.stack(np.meshgrid(*[np.arange(-radius, radius + 0.1, 1.0)] * 3), -1).reshape(-1, 3)
    return np.asarray(center) + offsets[np.linalg.norm(offsets, axis=1) <= radius]


@pytest.mark.parametrize("along", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.0, -0.8)])
@pytest.mark.parametrize("depth", [5.0, 12.0, 25.0])
def test_the_distance_is_that_of_the_nearest_voxel(along, depth):
    radius = 4.0
    center = np.asarray(along) * (RADIUS_MM - depth - radius)
    found = pleura_distance_mm(lungs(nodule=(center, radius)), ball(center, radius), RULE)
    assert found == pytest.approx(depth, abs=2.0)


def test_a_nodule_at_the_pleura_touches_it():
    center = np.array([RADIUS_MM - 4.0, 0.0, 0.0])
    found = pleura_distance_mm(lungs(nodule=(center, 5.0)), ball(center, 5.0), RULE)
    assert found <= RULE.touching_mm


def test_a_nodule_in_the_middle_is_told_as_far_as_it_is_looked():
    found = pleura_distance_mm(lungs(), ball((0, 0, 0), 3.0), RULE)
    assert found == RULE.reach_mm


def test_outside_of_the_lungs_it_is_not_assessed():
    away = np.array([RADIUS_MM + 8.0, 0.0, 0.0])
    assert pleura_distance_mm(lungs(), ball(away, 4.0), RULE) is None
    assert pleura_distance_mm(lungs(), ball((500.0, 0, 0), 4.0), RULE) is None


def test_a_mass_that_the_closing_does_not_cover_is_not_assessed():
    center = np.array([RADIUS_MM - 20.0, 0.0, 0.0])
    assert pleura_distance_mm(lungs(nodule=(center, 32.0)), ball(center, 30.0), RULE) is None


def test_where_the_scan_ends_nearer_than_the_lungs_it_is_not_assessed():
    cut = lungs(ends=(True, False), cut_below=28)  # the scan begins 2.5 mm below the middle
    assert pleura_distance_mm(cut, ball((0, 0, 6.0), 3.0), RULE) is None
    near_the_side = np.array([RADIUS_MM - 7.0, 0.0, 12.0])
    assert pleura_distance_mm(cut, ball(near_the_side, 3.0), RULE) is not None


def test_the_other_lung_closes_nothing():
    whole = lungs()
    sides = whole.sides.copy()
    index = np.argwhere(sides > 0)
    x = whole.geometry.index_to_lps(index)[:, 0]
    sides[tuple(index[np.abs(x) < 6.0].T)] = 0  # a gap between two lungs
    sides[tuple(index[x <= -6.0].T)] = RIGHT
    split = LungRegion(sides > 0, sides, whole.geometry, (False, False))
    found = pleura_distance_mm(split, ball((16.0, 0, 0), 3.0), RULE)
    assert found == pytest.approx(7.0, abs=2.0)
