"""A nodule's form from its outlines."""

import numpy as np
import pytest
from scipy.ndimage import label

from nodulus.bundles.common.lidc.database import Outline
from nodulus.bundles.common.lidc.distance_field import Grid, distance_field


def circle(z_mm, radius_px, center=(30.0, 30.0), is_hole=False):
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius_px + center
    return Outline(points, z_mm, is_hole)


def ball(radius_mm, pixel_mm, slice_mm):
    """Outlines of a ball; each runs half a pixel outside of it, as readers draw."""
    levels = np.arange(-40, 41) * slice_mm
    levels = levels[np.abs(levels) < radius_mm]
    return [circle(z, np.sqrt(radius_mm**2 - z**2) / pixel_mm + 0.5) for z in levels]


def field_of(readers, pixel_mm, slice_mm):
    grid = Grid.around(readers, pixel_mm, slice_mm, 0.5)
    return distance_field(readers, pixel_mm, slice_mm, grid)


@pytest.mark.parametrize("slice_mm", [0.625, 1.25, 2.5])
def test_a_ball_keeps_its_volume_and_its_distances(slice_mm):
    field = field_of([ball(7.0, 0.7, slice_mm)], 0.7, slice_mm)
    diameter = (6 * np.count_nonzero(field < 0) * 0.125 / np.pi) ** (1 / 3)
    assert diameter == pytest.approx(14.0, abs=0.5)
    assert field.min() == pytest.approx(-7.0, abs=0.3 + 0.3 * slice_mm)
    slope = np.linalg.norm(np.gradient(field, 0.5), axis=0)
    assert np.median(slope) == pytest.approx(1.0, abs=0.03)


def test_half_of_the_readers_decide():
    readers = [ball(radius, 0.7, 1.25) for radius in (4.0, 6.0, 8.0)]
    field = field_of(readers, 0.7, 1.25)
    diameter = (6 * np.count_nonzero(field < 0) * 0.125 / np.pi) ** (1 / 3)
    assert diameter == pytest.approx(12.0, abs=0.6)


def test_a_single_slice_gets_a_plausible_thickness():
    field = field_of([[circle(0.0, 6.5)]], 0.7, 1.25)
    thickness = np.any(field < 0, axis=(1, 2)).sum() * 0.5
    assert 1.0 <= thickness <= 3.0


def test_a_hole_is_left_out():
    solid = [circle(z, 15.0) for z in (0.0, 1.25, 2.5, 3.75, 5.0)]
    holes = [circle(o.z_mm, 6.0, is_hole=True) for o in solid]
    grid = Grid.around([solid], 0.7, 1.25, 0.5)
    assert distance_field([solid], 0.7, 1.25, grid)[tuple(n // 2 for n in grid.shape_irc)] < 0
    field = distance_field([solid + holes], 0.7, 1.25, grid)
    assert field[tuple(n // 2 for n in grid.shape_irc)] > 0


def test_the_shape_is_one_piece():
    near = [circle(z, 8.0) for z in (0.0, 1.25)]
    crumb = [circle(0.0, 4.0, center=(60.0, 30.0))]
    field = field_of([near + crumb], 0.7, 1.25)
    assert label(field < 0)[1] == 1
