"""Heart, blood, muscles and what lies on the skin."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.chest import make_fields, part_rng
from nodulus.app.data.phantom.contrast import Phase, draw_blood
from nodulus.app.data.phantom.covers import draw_cover, paint_cover
from nodulus.app.data.phantom.grid import make_grid
from nodulus.app.data.phantom.heart import make_heart
from nodulus.app.data.phantom.mediastinum import VEIN_RADIUS_MM, make_mediastinum, vein_xyz
from nodulus.app.data.phantom.muscles import draw_layers
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.small_structures import paint_small_structures
from nodulus.app.data.phantom.vessels import make_veins
from nodulus.app.data.phantom.wall_map import (
    ANGLES,
    FIRST_MM,
    STEP_MM,
    make_wall_map,
    sample,
    side_angle,
)
from nodulus.transforms.geometry import Geometry

AIR_HU = -1000.0


@pytest.fixture(scope="module")
def body():
    return draw_anatomy(PhantomRecipe.small().anatomy, np.random.default_rng(4))


@pytest.fixture(scope="module")
def grid(body):
    low, high = (tuple(float(v) for v in corner) for corner in body.lung_box)
    return make_grid(low, high, 2.5, body.warp_mm, np.random.default_rng(5))


@pytest.fixture(scope="module")
def heart(body, grid):
    return make_heart(body, grid, np.random.default_rng(6))


@pytest.fixture(scope="module")
def chest(body):
    low, high = np.array(body.lung_box[0]) - 60.0, np.array(body.lung_box[1]) + 60.0
    wide = make_grid(tuple(low), tuple(high), 5.0, body.warp_mm, np.random.default_rng(5))
    return wide, *make_fields(body, wide, 0, 0)


def test_the_heart_lies_left_of_the_midline_and_points_forwards_and_down(body, grid, heart):
    x, y, z = (w[heart.box] for w in grid.warped)
    assert x[heart.muscle < 0].mean() > 5.0
    left = heart.left_blood < -4.0
    far = left & (x > np.percentile(x[left], 85))
    near = left & (x < np.percentile(x[left], 15))
    assert x[far].mean() > x[near].mean() + 40.0
    assert y[far].mean() < y[near].mean()
    assert z[far].mean() < z[near].mean()


def test_the_left_ventricle_has_the_thick_wall(body, grid, heart):
    x, y, z = (w[heart.box] for w in grid.warped)
    where = np.abs(z - (-78.0 * body.scale)) < 3.0
    bare = (heart.muscle < 0) & (np.minimum(heart.left_blood, heart.right_blood) > 0) & where
    # Outside of each chamber's blood, the nearest distance says to which it belongs.
    left = bare & (heart.left_blood < heart.right_blood) & (x > 35.0 * body.scale)
    right = bare & (heart.right_blood < heart.left_blood) & (y < body.spine_y - 85.0)
    thick, thin = (np.percentile(d, 75) for d in (heart.left_blood[left], heart.right_blood[right]))
    assert thick > 1.5 * thin
    assert thin < 5.0


def test_blood_of_the_two_sides_does_not_meet(heart):
    both = (heart.left_blood < -1.0) & (heart.right_blood < -1.0)
    assert not both.any()


def test_fat_lies_between_heart_and_pericardium(heart):
    assert ((heart.pericardium < 0) & (heart.muscle > 1.0)).sum() > 200
    assert (heart.pericardium[heart.muscle < -2.0] < 0).mean() > 0.98


@pytest.mark.parametrize(
    ("weights", "phase"),
    [((1, 0, 0), Phase.PULMONARY), ((0, 1, 0), Phase.ARTERIAL), ((0, 0, 1), Phase.VENOUS)],
)
def test_each_phase_has_its_own_order(weights, phase):
    for seed in range(20):
        blood = draw_blood(40.0, 250.0, weights, np.random.default_rng(seed))
        assert blood.phase is phase
        assert blood.myocardium < max(blood.left, blood.right)
        if phase is Phase.PULMONARY:
            assert blood.right > blood.left + 60.0
        elif phase is Phase.ARTERIAL:
            assert blood.left > blood.right > blood.systemic
        else:
            assert abs(blood.left - blood.right) < 15.0


def test_without_contrast_medium_blood_and_muscle_are_nearly_the_same():
    blood = draw_blood(40.0, 0.0, (1, 1, 1), np.random.default_rng(0))
    assert blood.phase is Phase.NONE
    assert blood.left == blood.right == blood.cava == blood.systemic == 40.0
    assert 0.0 < blood.myocardium - blood.left < 20.0


def test_layers_lie_on_one_another_with_fat_between(body):
    heights = np.arange(-180.0, 10.0, 5.0, dtype=np.float32)
    angles = ((np.arange(ANGLES) + 0.5) * np.pi / ANGLES).astype(np.float32)
    layers, reach = draw_layers(body, heights, angles, np.random.default_rng(0))
    outside = np.full(reach.shape, -100.0)
    for layer in layers:
        there = layer.thickness_mm > 0
        assert there.any(), layer.name
        assert np.all(layer.inner_mm[there] >= outside[there] - 1e-3), layer.name
        outside = np.where(there, layer.inner_mm + layer.thickness_mm, outside)
    assert np.all(reach >= outside - 1e-3)


def test_a_line_through_the_chest_wall_meets_fat_between_muscles(body):
    z = np.arange(body.apex_z - 120.0, body.apex_z, 2.5).astype(np.float32)
    wall = make_wall_map(body, z, np.random.default_rng(0))
    # Through both pectoral muscles of the left side, 50 mm under the apex.
    plane = wall.plane(body.apex_z - 50.0 * body.scale)
    line = plane[ANGLES + int(2.02 / np.pi * ANGLES)]
    muscle = line > 20.0
    starts = np.flatnonzero(muscle[1:] & ~muscle[:-1])
    assert len(starts) >= 3  # intercostals, pectoralis minor and major
    between = line[starts[1] - 1 : starts[2] + 1]
    assert between.min() < -40.0


def test_no_wall_is_symmetric_and_a_seed_gives_one_wall(body):
    z = np.arange(-60.0, 60.0, 5.0).astype(np.float32)
    one, same, other = (make_wall_map(body, z, np.random.default_rng(n)).hu for n in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.05
    assert (one[:, :ANGLES] != one[:, : ANGLES - 1 : -1]).mean() > 0.05


def test_the_wall_map_is_sampled_where_it_was_drawn():
    plane = np.zeros((2 * ANGLES, 160), dtype=np.float32)
    plane[ANGLES + 100, 50] = 7.0  # left
    azimuth = np.array([100.5, 100.5], dtype=np.float32) * np.float32(np.pi / ANGLES)
    distance = np.full(2, FIRST_MM + 50 * STEP_MM, dtype=np.float32)
    found = sample(plane, side_angle(azimuth, np.array([True, False])), distance)
    np.testing.assert_allclose(found, [7.0, 0.0], atol=0.05)


def test_cloth_lies_on_the_front_alone_and_not_in_the_body():
    rng = np.random.default_rng(0)
    cover = draw_cover(0.0, rng)
    ys = np.arange(-100.0, 100.0, 0.8)
    xs = np.arange(-100.0, 100.0, 0.8)
    skin = (np.hypot(ys[:, None], xs[None, :]) - 70.0).astype(np.float32)
    out = np.full(skin.shape, AIR_HU, dtype=np.float32)
    paint_cover(out, cover, skin, ys, 0.0, 1.25)
    painted = out > AIR_HU + 20.0
    assert painted.sum() > 100
    assert np.all(skin[painted] > 0)
    assert np.all(ys[np.nonzero(painted)[0]] <= cover.low_y_mm)


def test_small_structures_leave_lung_as_it_is_and_lie_in_fat(body, chest):
    grid, fields, _, _, grooves = chest
    body = replace(body, leads=0, coronary_calcium=0, nodes=12)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 1.5], [0, 1.5, 0], [4.0, 0, 0]])
    affine[:3, 3] = (-150.0, -130.0, -120.0)
    geometry = Geometry((40, 180, 200), affine)
    hu = np.full(geometry.shape_irc, -100.0, dtype=np.float32)
    hu[:, :, :100] = 60.0  # muscle on the right
    share = np.zeros(hu.shape, dtype=np.uint8)
    share[:, :, 150:] = 255
    before = hu.copy()
    paint_small_structures(
        hu, share, geometry, body, grid, fields.skin, grooves, part_rng(0, 0, "small structures")
    )
    changed = hu != before
    assert changed[:, :, 100:150].sum() > 100
    assert not changed[:, :, :100].any()
    assert not changed[:, :, 150:].any()


def test_calcium_lies_in_the_coronary_arteries_of_those_who_have_it(body, chest):
    grid, fields, _, _, grooves = chest
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 0.8], [0, 0.8, 0], [2.0, 0, 0]])
    middle = np.concatenate(grooves).mean(axis=0)
    affine[:3, 3] = middle - 70.0
    geometry = Geometry((70, 175, 175), affine)
    brightest = []
    for count in (0, 8):
        hu = np.full(geometry.shape_irc, -100.0, dtype=np.float32)
        share = np.zeros(hu.shape, dtype=np.uint8)
        drawn = replace(body, leads=0, coronary_calcium=count)
        paint_small_structures(
            hu, share, geometry, drawn, grid, fields.skin, grooves, np.random.default_rng(0)
        )
        brightest.append(float(hu.max()))
    assert brightest[0] < max(body.blood.left, body.blood.systemic, 90.0) + 1.0
    assert brightest[1] > brightest[0] + 80.0


def test_pads_of_fat_lie_at_the_heart_and_do_not_float_in_the_lungs():
    recipe = PhantomRecipe().anatomy
    for seed in range(12):
        body = replace(
            draw_anatomy(recipe, np.random.default_rng(seed)), mediastinal_fat=1.0 - seed / 12
        )
        low, high = (tuple(float(v) for v in corner) for corner in body.lung_box)
        grid = make_grid(low, high, 4.0, body.warp_mm, np.random.default_rng(seed))
        outline = make_mediastinum(body, grid, np.random.default_rng(seed)).outline
        _, pieces = ndimage.label(outline < 0)
        assert pieces == 1, f"body {seed}"


@pytest.mark.parametrize("seed", range(4))
def test_every_pulmonary_vein_goes_on_as_branches_and_no_trunk_ends_bluntly_in_a_lung(seed):
    body = draw_anatomy(PhantomRecipe.small().anatomy, np.random.default_rng(seed))
    low, high = (tuple(float(v) for v in corner) for corner in body.lung_box)
    grid = make_grid(low, high, 3.0, body.warp_mm, np.random.default_rng(seed))
    fields, fissures, _, _ = make_fields(body, grid, 1, seed)
    mediastinum = make_mediastinum(body, grid, part_rng(1, seed, "mediastinum"))
    veins = make_veins(body, grid, fields.lungs, fissures, np.random.default_rng(seed))
    for side in (-1, 1):
        for lower in (False, True):
            root = vein_xyz(body, side, lower)
            assert grid.sample(mediastinum.blood, root[None])[0] < 0.0  # the trunk reaches it
            first = np.linalg.norm(veins.start_xyz - root, axis=1) < 1e-6
            assert first.any()  # branches start there
            # Beside the first branches, three radii on, there is no more mediastinum.
            way = (veins.end_xyz - veins.start_xyz)[first].mean(axis=0)
            beyond = root + 3.0 * VEIN_RADIUS_MM * body.scale * way / np.linalg.norm(way)
            assert grid.sample(mediastinum.outline, beyond[None])[0] > 0.0
