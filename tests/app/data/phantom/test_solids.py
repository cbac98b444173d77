"""Solids cover their volume where they are painted."""

import numpy as np
import pytest

from nodulus.app.data.phantom.solids import Solid, cover, paint_solids
from nodulus.transforms.geometry import Geometry


@pytest.fixture
def grid():
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 0.6], [0, 0.6, 0], [1.2, 0, 0]])
    return Geometry((40, 80, 80), affine)


@pytest.mark.parametrize("radii", [(1.0, 1.0, 1.0), (6.0, 6.0, 6.0), (1.5, 9.0, 12.0)])
def test_it_covers_its_volume_at_its_place(grid, radii):
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    solid = Solid(np.array([24.3, 23.1, 24.2]), radii, turn, 40.0)
    box, covered = cover(grid, solid)
    volume = covered.sum() * grid.voxel_volume_mm3
    assert volume == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.2)
    index = np.argwhere(covered > 0.5) + [b.start for b in box]
    center = np.average(grid.index_to_lps(index), axis=0, weights=covered[covered > 0.5])
    np.testing.assert_allclose(center, solid.center_xyz, atol=0.5)


def test_outside_there_is_nothing(grid):
    assert cover(grid, Solid(np.array([-30.0, 0, 0]), (2.0, 2.0, 2.0), np.eye(3), 0.0)) is None


def test_it_is_painted_in_lung_alone_and_takes_its_place(grid):
    hu = np.full(grid.shape_irc, -850.0, np.float32)
    share = np.full(grid.shape_irc, 255, np.uint8)
    share[:, :, 40:] = 0
    hu[:, :, 40:] = 50.0
    middle = np.array([24.0, 24.0, 24.0])
    paint_solids(hu, share, grid, [Solid(middle, (4.0, 4.0, 4.0), np.eye(3), 300.0, 1.0, True)])
    assert hu[20, 40, 38] == pytest.approx(300.0)
    assert share[20, 40, 38] == 0
    assert np.all(hu[:, :, 40:] == 50.0)
    assert hu[0, 0, 0] == -850.0
