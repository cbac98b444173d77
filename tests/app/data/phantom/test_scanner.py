"""What a scanner does to a phantom: field of view, noise, blur and kernel."""

from dataclasses import replace

import numpy as np
import pytest

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.scanner import (
    PADDING_HU,
    add_noise,
    blur,
    draw_acquisition,
    pad_round_field,
)
from nodulus.transforms.geometry import Geometry


@pytest.fixture
def scan(rng):
    recipe = PhantomRecipe()
    return draw_acquisition(recipe.scanner, draw_anatomy(recipe.anatomy, rng), rng)[0]


@pytest.fixture
def grid():
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 0.7], [0, 0.7, 0], [1.25, 0, 0]])
    return Geometry((12, 256, 256), affine)


def whole(recipe, **update):
    update = {"small_field_probability": 0.0, "cut_probability": 0.0} | update
    thick = tuple(s for s in recipe.slice_spacings if s >= 1.0)
    return recipe.model_copy(update={"slice_spacings": thick} | update)


def test_field_holds_the_lungs():
    recipe = PhantomRecipe()
    recipe = recipe.model_copy(update={"scanner": whole(recipe.scanner)})
    for seed in range(30):
        rng = np.random.default_rng(seed)
        body = draw_anatomy(recipe.anatomy, rng)
        _, geometry = draw_acquisition(recipe.scanner, body, rng)
        low, high = geometry.index_to_lps([(0, 0, 0), np.array(geometry.shape_irc) - 1])
        assert low[0] < -body.half_width
        assert high[0] > body.half_width
        assert low[2] < body.base_z
        assert high[2] > body.apex_z
        assert geometry.shape_irc[0] <= recipe.scanner.max_slices


def test_thin_slices_and_small_fields_cut_the_lungs():
    recipe = PhantomRecipe()
    scanner = whole(recipe.scanner, slice_spacings=(0.6,), small_field_probability=1.0)
    spacings, cut = [], 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        body = draw_anatomy(recipe.anatomy, rng)
        _, geometry = draw_acquisition(scanner, body, rng)
        low, high = geometry.index_to_lps([(0, 0, 0), np.array(geometry.shape_irc) - 1])
        assert geometry.shape_irc[0] <= scanner.max_slices
        assert high[0] - low[0] < 2.0 * body.half_width + 12.0
        assert low[2] > body.base_z - 60.0
        assert high[2] < body.apex_z + 60.0
        cut += bool(low[2] > body.base_z or high[2] < body.apex_z)
        spacings.append(geometry.spacing_irc_mm[0])
    assert 5 < cut < 25
    assert min(spacings) == 0.6


def test_noise_grows_with_the_water_that_rays_cross(grid, scan, rng):
    hu = np.full(grid.shape_irc, -1000.0, np.float32)
    hu[:, 64:192, 40:216] = 0.0
    hu[6:, 64:192] = 0.0
    before = hu.copy()
    add_noise(hu, grid, replace(scan, noise_hu=20.0), rng)
    noise = (hu - before)[:, 100:156, 100:156]
    assert noise[6:].std() > 1.1 * noise[:6].std()


def test_noise_is_weaker_in_lung_than_in_the_tissue_about_it(grid, scan, rng):
    hu = np.full(grid.shape_irc, -1000.0, np.float32)
    hu[:, 32:224, 8:248] = 40.0
    for low, high in ((28, 100), (156, 228)):
        hu[:, 60:200, low:high] = -850.0
    before = hu.copy()
    add_noise(hu, grid, replace(scan, noise_hu=20.0), rng)
    noise = hu - before
    lung, heart = noise[:, 100:160, 40:88].std(), noise[:, 100:160, 112:144].std()
    assert lung < 0.85 * heart
    assert heart > 17.0


def test_blur_keeps_the_mean_and_has_the_kernels_width(grid, scan):
    scan = replace(scan, sigma_mm=1.0, overshoot=0.0, slice_sigma_mm=1.0)
    hu = np.zeros(grid.shape_irc, np.float32)
    hu[6, 128, 128] = 1000.0
    blur(hu, grid, scan)
    assert hu.sum() == pytest.approx(1000.0, rel=1e-3)
    x = (np.arange(256) - 128) * 0.7
    profile = hu.sum(axis=(0, 1))
    assert np.sqrt((profile * x**2).sum() / profile.sum()) == pytest.approx(1.0, rel=0.05)


def test_overshoot_rings_at_edges(grid, scan):
    hu = np.full(grid.shape_irc, -800.0, np.float32)
    hu[:, :, 64:192] = 50.0
    blur(hu, grid, replace(scan, sigma_mm=0.3, overshoot=0.7))
    assert hu[6].max() > 70.0
    assert hu[6].min() < -820.0


def test_noise_has_its_deviation_and_its_correlation(grid, scan, rng):
    scan = replace(scan, noise_hu=30.0, noise_rise=1.0, noise_cut=0.35, noise_fall=2.0, streak=0.0)
    hu = np.zeros(grid.shape_irc, np.float32)
    add_noise(hu, grid, scan, rng)
    blocks = hu.reshape(12, 16, 16, 16, 16).std(axis=(0, 2, 4))
    assert np.median(blocks) == pytest.approx(30.0, rel=0.05)
    assert abs(hu.mean()) < 0.5
    neighbours = np.corrcoef(hu[5, :, :-1].ravel(), hu[5, :, 1:].ravel())[0, 1]
    assert neighbours > 0.3


def test_padding_is_round():
    hu = np.zeros((2, 64, 64), np.int16)
    pad_round_field(hu)
    assert hu[0, 0, 0] == PADDING_HU
    assert hu[0, 32, 0] == 0
    assert (hu == 0).mean() == pytest.approx(np.pi / 4, rel=0.02)
