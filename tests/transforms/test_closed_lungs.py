"""Lungs that are closed over a nodule at the pleura, on the voxels of a scan."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.closed_lungs import ClosedLungs, LungBound, LungBoundRule
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT

RADIUS_MM = 60.0
STEP_MM = 2.5
SIZE = 60


def points(geometry: Geometry) -> np.ndarray:
    return geometry.index_to_lps(np.moveaxis(np.indices(geometry.shape_irc), 0, -1))


def grid() -> Geometry:
    affine = np.zeros((4, 4))
    affine[[2, 1, 0, 3], [0, 1, 2, 3]] = STEP_MM, STEP_MM, STEP_MM, 1.0
    affine[:3, 3] = -STEP_MM * (SIZE - 1) / 2
    return Geometry((SIZE, SIZE, SIZE), affine)


def scan_around(center: tuple[float, float, float]) -> Geometry:
    """Voxels of 1.25 x 0.7 x 0.7 mm, 30 mm wide."""
    affine = np.zeros((4, 4))
    affine[[2, 1, 0, 3], [0, 1, 2, 3]] = 1.25, 0.7, 0.7, 1.0
    affine[:3, 3] = np.asarray(center) - 15.0
    return Geometry((24, 43, 43), affine)


def region(air: np.ndarray, side: int = LEFT) -> LungRegion:
    return LungRegion(air, np.where(air, side, 0).astype(np.uint8), grid(), (False, False))


@pytest.fixture(scope="module")
def from_origin():
    return np.linalg.norm(points(grid()), axis=-1)


@pytest.mark.parametrize("along", [(1.0, 0.0, 0.0), (0.0, 0.6, -0.8)])
def test_a_notch_is_closed_and_the_wall_stays_outside(from_origin, along):
    center = np.asarray(along) * (RADIUS_MM - 2.0)
    notch = np.linalg.norm(points(grid()) - center, axis=-1) < 7.0
    lungs = ClosedLungs(region((from_origin < RADIUS_MM) & ~notch), 18.0)
    scan = scan_around(tuple(center))
    inside = lungs.on(scan)
    depth = RADIUS_MM - np.linalg.norm(points(scan), axis=-1)
    assert inside[depth > 3.5].all()  # the ball sinks into the notch, and the grid is coarse
    assert not inside[depth < -2.0].any()
    notched = np.linalg.norm(points(scan) - center, axis=-1) < 5.0
    assert inside[notched & (depth > 3.5)].any()
    assert not ClosedLungs(lungs.lungs, 2.0).on(scan)[notched].any()


def test_inside_all_lies_in_it_and_far_away_nothing(from_origin):
    lungs = ClosedLungs(region(from_origin < RADIUS_MM), 18.0)
    assert lungs.on(scan_around((0.0, 0.0, 0.0))).all()
    assert not lungs.on(scan_around((500.0, 0.0, 0.0))).any()


def test_what_lies_between_the_lungs_is_in_neither(from_origin):
    x = points(grid())[..., 0]
    air = (from_origin < RADIUS_MM) & (np.abs(x) > 6.0)
    sides = np.where(air, np.where(x > 0, LEFT, RIGHT), 0).astype(np.uint8)
    between = ClosedLungs(LungRegion(air, sides, grid(), (False, False)), 18.0)
    scan = scan_around((0.0, 0.0, 0.0))
    inside = between.on(scan)
    away = np.abs(points(scan)[..., 0])
    assert not inside[away < 4.0].any()
    assert inside[away > 9.0].all()


RULE = LungBoundRule(least_share=0.5, least_closing_mm=18.0, closing_per_diameter=1.5)


def test_a_larger_nodule_is_closed_by_a_larger_ball():
    assert RULE.closing_mm(6.0) == 18.0
    assert RULE.closing_mm(24.0) == 36.0


@pytest.mark.parametrize(("depth", "bounds"), [(2.0, True), (-4.0, False)])
def test_lungs_bound_what_lies_in_them_for_the_most_part(from_origin, depth, bounds):
    center = np.array([RADIUS_MM - depth, 0.0, 0.0])
    scan = scan_around(tuple(center))
    seen = np.linalg.norm(points(scan) - center, axis=-1) < 6.0
    lungs = region(from_origin < RADIUS_MM)
    within = LungBound(lungs, RULE).within(seen, scan)
    if not bounds:
        assert within is None
        return
    np.testing.assert_array_equal(within, ClosedLungs(lungs, 18.0).on(scan))


def test_what_lies_wholly_outside_is_not_bound_whatever_the_rule(from_origin):
    anything = LungBoundRule(least_share=0.0, least_closing_mm=18.0, closing_per_diameter=1.5)
    scan = scan_around((RADIUS_MM + 60.0, 0.0, 0.0))
    bound = LungBound(region(from_origin < RADIUS_MM), anything)
    assert bound.within(np.ones(scan.shape_irc, bool), scan) is None


def test_a_wide_notch_is_closed_as_well(from_origin):
    center = np.array([RADIUS_MM - 4.0, 0.0, 0.0])
    away = np.linalg.norm(points(grid()) - center, axis=-1)
    lungs = region((from_origin < RADIUS_MM) & (away >= 14.0))
    scan = scan_around(tuple(center))
    seen = np.linalg.norm(points(scan) - center, axis=-1) < 14.0
    within = LungBound(lungs, RULE).within(seen, scan)
    inside = seen & (np.linalg.norm(points(scan), axis=-1) < RADIUS_MM)
    assert within[inside].mean() > 0.85
    assert ClosedLungs(lungs, 18.0).on(scan)[inside].mean() < 0.75
