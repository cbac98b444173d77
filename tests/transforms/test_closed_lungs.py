"""Lungs that are closed over a nodule at the pleura, on the voxels of a scan."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.closed_lungs import ClosedLungs
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
