"""Normalised cross-correlation, against scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import match_template

from nodulus.app.followup.cross_correlation import cross_correlation


@pytest.mark.parametrize(
    ("image_shape", "template_shape"),
    [((30, 31, 33), (11, 12, 13)), ((20, 20, 20), (20, 20, 20)), ((40, 50), (7, 9))],
)
@pytest.mark.parametrize("level", [0.0, 0.7])
def test_it_is_that_of_scikit_image(image_shape, template_shape, level):
    rng = np.random.default_rng(0)
    image = (level + 0.1 * rng.standard_normal(image_shape)).astype(np.float32)
    template = image[tuple(slice(-n, None) for n in template_shape)]
    template = template + 0.05 * rng.standard_normal(template_shape).astype(np.float32)
    np.testing.assert_allclose(
        cross_correlation(image, template), match_template(image, template), atol=1e-4
    )


def test_the_place_of_a_template_is_found_whatever_its_contrast():
    image = np.random.default_rng(1).random((24, 25, 26), dtype=np.float32)
    template = 0.3 * image[5:15, 7:17, 9:19] + 0.5
    scores = cross_correlation(image, template)
    assert np.unravel_index(scores.argmax(), scores.shape) == (5, 7, 9)
    assert scores.max() == pytest.approx(1.0, abs=1e-4)


def test_what_is_even_correlates_with_nothing():
    noise = np.random.default_rng(2).random((9, 9, 9), dtype=np.float32)
    even = np.full((20, 20, 20), 0.4, dtype=np.float32)
    assert not cross_correlation(even, noise).any()
    image = np.random.default_rng(3).random((20, 20, 20), dtype=np.float32)
    assert not cross_correlation(image, np.full((9, 9, 9), 0.4, dtype=np.float32)).any()
