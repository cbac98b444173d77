"""Plaques, scars, bands and other findings that are no nodules."""

from dataclasses import replace

import numpy as np
import pytest

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.chest import make_fields
from nodulus.app.data.phantom.grid import make_grid
from nodulus.app.data.phantom.lesions import PhantomLesionKind, fill_airways, make_lesions
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.vessels import Tubes

MANY = {"plaques": 6, "apical_caps": 2, "bands": 4, "micronodules": 8}


@pytest.fixture(scope="module")
def chest():
    rng = np.random.default_rng(4)
    body = replace(draw_anatomy(PhantomRecipe.small().anatomy, rng), **MANY)
    low, high = (tuple(float(v) for v in corner) for corner in body.lung_box)
    grid = make_grid(low, high, 5.0, body.warp_mm, rng)
    fields, *_ = make_fields(body, grid, 0, 0)
    return body, grid, fields.lungs, *make_lesions(body, grid, fields.lungs, rng)


def test_there_are_as_many_as_the_body_has(chest):
    *_, lesions = chest
    kinds = [lesion.kind for lesion in lesions]
    wanted = {
        PhantomLesionKind.PLAQUE: 6, PhantomLesionKind.APICAL_CAP: 2, PhantomLesionKind.BAND: 4,
        PhantomLesionKind.MICRONODULE: 8,
    }  # fmt: skip
    assert {kind: kinds.count(kind) for kind in wanted} == wanted


def test_only_what_is_below_three_millimetres_is_ignored(chest):
    *_, lesions = chest
    for lesion in lesions:
        assert lesion.ignored == (lesion.size_mm < 3.0)


def test_no_finding_has_a_nodules_form(chest):
    *_, solids, lesions = chest
    for solid in solids:
        radii = sorted(solid.radii_mm)
        assert radii[2] < 1.6 or radii[1] > 3.0 * radii[0]
    assert lesions


def test_they_lie_in_the_lungs_or_at_their_border(chest):
    _, grid, lungs, _, lesions = chest
    for lesion in lesions:
        depth = float(grid.sample(lungs, np.array([lesion.center_xyz]))[0])
        at_pleura = lesion.kind in {PhantomLesionKind.PLAQUE, PhantomLesionKind.APICAL_CAP}
        assert depth < (6.0 if at_pleura else 0.0)


def test_small_airways_are_filled(rng):
    start = np.stack([np.arange(20) * 5.0, np.zeros(20), np.zeros(20)], axis=1)
    radius = np.linspace(4.0, 0.7, 20)
    tubes = Tubes(start, start + np.array([5.0, 0, 0]), radius, radius)
    filled, found = fill_airways(tubes, 2, rng)
    assert len(found) == 2
    assert filled.any()
    assert radius[filled].max() < 2.2
