"""The opinions of segmentation and classifier are pooled by their log odds."""

import numpy as np
import pytest

from nodulus.app.chain.nodule_probability import combine


def test_equal_opinions_stay_what_they_are():
    opinions = [0.01, 0.3, 0.5, 0.99]
    for share in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(combine(opinions, opinions, share), opinions)


def test_the_share_says_who_counts():
    assert combine([0.9], [0.2], 1.0) == pytest.approx(0.9)
    assert combine([0.9], [0.2], 0.0) == pytest.approx(0.2)
    # odds of 9 and 1/4: their geometric mean is 1.5
    assert combine([0.9], [0.2], 0.5) == pytest.approx(0.6)


def test_certainty_cannot_outvote_the_other():
    assert 0 < combine([0.0], [1.0], 0.5)[0] < 1
    assert combine([1.0], [1.0], 0.5)[0] > combine([1.0], [0.9], 0.5)[0]
    assert combine([], [], 0.5).shape == (0,)


def test_no_network_is_surer_than_one_in_ten_thousand():
    least = 1e-4 / (1 - 1e-4)
    for sure, odds in ((0.0, least), (1.0, 1 / least), (1e-9, least)):
        pooled = np.sqrt(odds * 9.0)
        assert combine([sure], [0.9], 0.5)[0] == pytest.approx(pooled / (1 + pooled), rel=1e-12)
        assert combine([0.9], [sure], 0.5)[0] == pytest.approx(pooled / (1 + pooled), rel=1e-12)
