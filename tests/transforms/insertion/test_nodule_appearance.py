"""Densities and enhancement of nodules that are drawn."""

import numpy as np
import pytest

from nodulus.transforms.insertion.nodule_appearance import (
    ENHANCED_SHARE,
    ENHANCEMENT_HU,
    draw_enhancement,
    nodule_material,
)


def ball(radius_mm, spacing_mm=0.5):
    axis = np.arange(-(radius_mm + 2), radius_mm + 2.1, spacing_mm)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return (np.sqrt(x**2 + y**2 + z**2) - radius_mm).astype(np.float32)


def material(radius_mm, seed, texture=5.0, calcification=6.0):
    sdf = ball(radius_mm)
    made = nodule_material(
        sdf, (0.5,) * 3, texture=texture, calcification=calcification,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return sdf, made


def test_half_of_the_solid_nodules_are_enhanced_by_up_to_80_hu():
    rng = np.random.default_rng(0)
    drawn = np.array([draw_enhancement(rng) for _ in range(4000)])
    assert np.mean(drawn > 0) == pytest.approx(ENHANCED_SHARE, abs=0.03)
    lifted = drawn[drawn > 0]
    assert lifted.mean() == pytest.approx(ENHANCEMENT_HU / 2, rel=0.05)
    assert 0.95 * ENHANCEMENT_HU < lifted.max() <= ENHANCEMENT_HU


def test_a_draw_of_enhancement_leaves_the_rest_as_it_was():
    after = set()
    for seed in range(8):
        rng, other = np.random.default_rng(seed), np.random.default_rng(seed)
        draw_enhancement(rng)
        other.random(2)
        after.add(rng.random() == other.random())
    assert after == {True}


def test_some_large_solid_nodules_are_brighter_than_100_hu_and_ground_glass_is_not():
    def means(**ratings):
        made = [material(8.0, seed, **ratings) for seed in range(40)]
        return np.array([m.tissue_hu[sdf < 0].mean() for sdf, m in made])

    solid, glass = means(), means(texture=1.0)
    assert 0.03 < np.mean(solid > 100) < 0.4
    assert glass.max() < 75
    assert solid.std() > 1.2 * glass.std()


def test_small_solid_nodules_are_densest_in_the_middle_and_of_two_kinds():
    middles = []
    for seed in range(40):
        sdf, made = material(3.0, seed)
        middle, border = made.fill[sdf < -2.0].mean(), made.fill[np.abs(sdf + 0.4) < 0.3].mean()
        assert border < 0.92 * middle
        middles.append(middle)
    faint, bright = np.less(middles, 0.73), np.greater(middles, 0.84)
    assert np.all(faint | bright)
    assert 8 < faint.sum() < 32
    sdf, large = material(8.0, 0)
    assert np.ptp(large.fill) == 0.0


def test_the_same_seed_gives_the_same_material():
    (_, a), (_, b), (_, c) = (material(3.0, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.fill, b.fill)
    np.testing.assert_array_equal(a.tissue_hu, b.tissue_hu)
    assert not np.array_equal(a.tissue_hu, c.tissue_hu)
