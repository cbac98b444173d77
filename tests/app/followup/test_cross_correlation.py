"""Normalised cross-correlation, against scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import match_template

from nodulus.app.followup.cross_correlation import cross_correlation, masked_cross_correlation


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


def test_where_all_is_known_the_masked_one_is_the_same():
    rng = np.random.default_rng(4)
    image = rng.random((20, 21, 22), dtype=np.float32)
    template = rng.random((9, 8, 7), dtype=np.float32)
    masks = np.ones(image.shape, bool), np.ones(template.shape, bool)
    np.testing.assert_allclose(
        masked_cross_correlation(image, template, *masks, 0.5),
        cross_correlation(image, template),
        atol=1e-4,
    )


def test_only_what_both_know_counts():
    rng = np.random.default_rng(5)
    image, template = rng.random((12, 13), dtype=np.float32), rng.random((6, 5), dtype=np.float32)
    known_there, known = rng.random(image.shape) < 0.7, rng.random(template.shape) < 0.7
    scores = masked_cross_correlation(image, template, known_there, known, 0.3)
    for place in np.ndindex(scores.shape):
        part = tuple(slice(a, a + n) for a, n in zip(place, template.shape, strict=True))
        both = known_there[part] & known
        expected = 0.0
        if both.sum() >= 0.3 * known.sum():
            expected = np.corrcoef(image[part][both], template[both])[0, 1]
        assert scores[place] == pytest.approx(expected, abs=1e-4)


def test_values_of_what_is_not_known_do_not_matter():
    rng = np.random.default_rng(6)
    image, template = rng.random((20, 20), dtype=np.float32), rng.random((8, 8), dtype=np.float32)
    known_there, known = np.ones(image.shape, bool), np.ones(template.shape, bool)
    known_there[15:], known[:3] = False, False
    scores = masked_cross_correlation(image, template, known_there, known, 0.3)
    other = masked_cross_correlation(
        np.where(known_there, image, 9.0).astype(np.float32),
        np.where(known, template, -9.0).astype(np.float32),
        known_there, known, 0.3,
    )  # fmt: skip
    np.testing.assert_allclose(scores, other, atol=1e-6)


def test_where_too_little_is_known_or_all_is_even_nothing_correlates():
    rng = np.random.default_rng(7)
    image, template = rng.random((20, 20), dtype=np.float32), rng.random((8, 8), dtype=np.float32)
    known = np.ones(template.shape, bool)
    assert not masked_cross_correlation(image, template, np.zeros((20, 20), bool), known, 0.3).any()
    half = np.zeros((20, 20), bool)
    half[10:] = True
    even = np.where(half, 0.4, image).astype(np.float32)
    assert not masked_cross_correlation(even, template, half, known, 0.5).any()
