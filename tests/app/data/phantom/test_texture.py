"""The fine texture of lung."""

import numpy as np
import pytest

from nodulus.app.data.phantom.texture import STEP_MM, TILE, make_fine_texture


@pytest.fixture(scope="module")
def texture():
    return make_fine_texture(np.random.default_rng(0))


def test_it_is_normal_and_has_bright_spots(texture):
    assert texture.tile.mean() == pytest.approx(0.0, abs=0.02)
    assert texture.tile.std() == pytest.approx(1.0, rel=0.01)
    assert np.percentile(texture.tile, 99.9) > -np.percentile(texture.tile, 0.1)


def test_a_plane_is_periodic_and_goes_with_its_neighbours_in_space(texture):
    xs = ys = 0.05 + np.arange(60) * 0.6
    here = texture.plane(xs, ys, 3.0)
    assert here.shape == (60, 60)
    np.testing.assert_allclose(here, texture.plane(xs + TILE * STEP_MM, ys, 3.0), atol=1e-5)
    near = np.corrcoef(here.ravel(), texture.plane(xs, ys, 3.8).ravel())[0, 1]
    far = np.corrcoef(here.ravel(), texture.plane(xs, ys, 23.0).ravel())[0, 1]
    assert near > 0.5 > abs(far)


def test_it_is_all_but_gone_in_some_places_and_strong_in_others(texture):
    blocks = texture.tile.reshape(8, 16, 8, 16, 8, 16).std(axis=(1, 3, 5))
    assert np.percentile(blocks, 5) < 0.3
    assert np.percentile(blocks, 95) > 1.3
