"""A body on a scan's grid: each voxel is looked up where its place was, whatever is skipped."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.chest import part_rng
from nodulus.app.data.phantom.motion import draw_motion
from nodulus.app.data.phantom.pair_recipe import PairRecipe
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.resample import resampled
from nodulus.transforms.geometry import Geometry

AIR_HU = -1000.0
SOURCE = (40, 60, 70), (3.0, 4.0, 4.5), (-150.0, -130.0, -90.0)


def axial(shape, spacing, origin):
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    affine[:3, 3] = origin
    return Geometry(shape, affine)


@pytest.fixture(scope="module")
def moved():
    body = draw_anatomy(PhantomRecipe.small().anatomy, part_rng(4, 0, "anatomy"))
    return draw_motion(PairRecipe(), body, np.random.default_rng(1))


@pytest.fixture(scope="module")
def body():
    """A body of noise in air, that begins and ends within the grid; and its lungs."""
    noise = np.random.default_rng(0).normal(0.0, 300.0, SOURCE[0]).astype(np.float32)
    hu = np.full(SOURCE[0], AIR_HU, dtype=np.float32)
    hu[3:37, 10:50, 8:60] = noise[3:37, 10:50, 8:60]
    lungs = np.zeros(SOURCE[0], dtype=np.uint8)
    lungs[8:30, 20:40, 15:30] = 255
    return hu, lungs


def looked_up(values, geometry, target, motion, outside):
    """Voxel by voxel, with no short cut: the mean of the thin slices in each slice."""
    count = max(1, round(target.spacing_irc_mm[0] / geometry.spacing_irc_mm[0]))
    sheets = []
    for part in (np.arange(count) - (count - 1) / 2.0) / count:
        index = np.stack(np.indices(target.shape_irc, dtype=float), axis=-1)
        index[..., 0] += part
        points = target.index_to_lps(index)
        source = geometry.lps_to_index(points if motion is None else motion.to_first(points))
        at = np.moveaxis(np.round(source, 9), -1, 0)
        sheets.append(map_coordinates(values, at, np.float64, order=1, cval=outside))
    return np.mean(sheets, axis=0)


@pytest.mark.parametrize("still", [False, True], ids=["moved", "still"])
@pytest.mark.parametrize(
    "target",
    [
        SOURCE,
        ((40, 50, 64), (2.7, 3.9, 3.9), (-120.0, -110.0, -80.0)),
        ((15, 60, 70), (9.0, 4.0, 4.5), (-151.0, -131.5, -92.0)),
        ((24, 30, 20), (3.0, 9.0, 14.0), (-260.0, -240.0, -110.0)),
    ],
    ids=["the same grid", "finer", "thick slices", "reaches beyond"],
)
def test_every_voxel_is_looked_up_where_its_place_was(body, moved, target, still):
    source, grid, motion = axial(*SOURCE), axial(*target), None if still else moved
    made = resampled([(body[0], AIR_HU), (body[1], 0.0)], source, grid, motion)
    for values, outside, found in zip(body, (AIR_HU, 0.0), made, strict=True):
        wanted = looked_up(values, source, grid, motion, outside)
        assert found.dtype == np.float32
        assert len(np.unique(wanted)) > 1
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_the_first_scans_own_grid_keeps_every_voxel(body):
    hu, lungs = resampled([(body[0], AIR_HU), (body[1], 0.0)], *[axial(*SOURCE)] * 2, None)
    np.testing.assert_array_equal(hu, body[0])
    np.testing.assert_array_equal(lungs, body[1])
    assert hu is not body[0]


def test_thick_slices_are_means_of_thin_ones():
    thin = axial((8, 2, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    thick = axial((2, 2, 2), (4.0, 1.0, 1.0), (0.0, 0.0, 1.5))
    values = np.repeat(np.arange(8.0, dtype=np.float32), 4).reshape(8, 2, 2)
    (made,) = resampled([(values, -1.0)], thin, thick, None)
    np.testing.assert_allclose(made[:, 0, 0], [1.5, 5.5], atol=1e-5)


def test_the_motion_of_a_grid_is_that_of_its_points(moved):
    xs, ys, zs = (np.linspace(-160.0, 140.0, n) for n in (7, 6, 5))
    along, across = moved.to_first_on_grid(xs, ys, zs)
    z, y, x = np.meshgrid(zs, ys, xs, indexing="ij")
    wanted = moved.to_first(np.stack([x, y, z], axis=-1))
    np.testing.assert_allclose(across[:, :, None] + along, wanted, atol=1e-9)
