"""Samples lie around the plane that they were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.fissures.surface_grid import SurfaceGrid
from nodulus.transforms.geometry import Geometry

CORNER = (-40.0, -30.0, 5.0)
EDGES = ((60.0, 0.0, 0.0), (0.0, 50.0, 40.0))


def grid() -> SurfaceGrid:
    return SurfaceGrid.around(CORNER, EDGES, 20.0, 2.5, 1.25, 2)


def test_the_plane_lies_in_the_middle_and_up_is_above() -> None:
    made = grid()
    assert made.heights_mm[[0, -1]] == pytest.approx((-20.0, 20.0))
    corner = made.geometry.index_to_lps((0.0, 0.0, made.middle))
    assert corner == pytest.approx(CORNER)
    assert made.geometry.direction_irc[2, 2] > 0
    assert made.geometry.spacing_irc_mm == pytest.approx((2.5, 2.5, 1.25))
    assert [n % 2 for n in made.geometry.shape_irc[:2]] == [0, 0]
    assert np.multiply(made.geometry.shape_irc[:2], 2.5) == pytest.approx((60.0, 64.03), abs=5.0)


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_linear_volume_is_sampled_exactly(tilt: float) -> None:
    affine = np.eye(4)
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    affine[:3, :3] = turn @ np.array([[0, 0, -1.5], [0, 1.5, 0], [2.0, 0, 0]])
    affine[:3, 3] = (120.0, -110.0, -60.0)
    geometry = Geometry((90, 150, 150), affine)
    where = np.stack(np.meshgrid(*map(np.arange, geometry.shape_irc), indexing="ij"), axis=-1)
    slope = np.array([0.5, -1.0, 2.0])
    volume = (geometry.index_to_lps(where) @ slope).astype(np.float32)
    made = grid()
    at = np.stack(np.meshgrid(*map(np.arange, made.geometry.shape_irc), indexing="ij"), axis=-1)
    np.testing.assert_allclose(
        made.sample(volume, geometry), made.geometry.index_to_lps(at) @ slope, atol=0.01
    )


def test_outside_of_the_volume_it_is_zero() -> None:
    far = np.eye(4)
    far[:3, 3] = 1000.0
    assert not grid().sample(np.ones((5, 5, 5), np.float32), Geometry((5, 5, 5), far)).any()
