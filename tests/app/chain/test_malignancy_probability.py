"""A nodule's diameter weighs the odds of its malignancy."""

import numpy as np
import pytest

from nodulus.app.chain.malignancy_probability import with_size

NEUTRAL_MM = 8.0


def test_odds_are_multiplied_by_the_diameter_to_the_weight():
    given, diameter = np.array([0.2, 0.5, 0.9]), np.array([5.0, 10.0, 20.0])
    found = with_size(given, diameter, 1.5, NEUTRAL_MM)
    odds = given / (1 - given) * (diameter / NEUTRAL_MM) ** 1.5
    np.testing.assert_allclose(found, odds / (1 + odds), rtol=1e-12)


def test_no_weight_changes_nothing_and_certainty_stays_finite():
    given = np.array([0.0, 0.3, 1.0])
    np.testing.assert_array_equal(
        with_size(given, np.array([3.0, 4.0, 5.0]), 0.0, NEUTRAL_MM), given
    )
    found = with_size(given, np.array([30.0, 30.0, 1.0]), 1.0, NEUTRAL_MM)
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_of_two_nodules_that_look_alike_the_larger_is_the_more_suspicious(weight: float):
    small, large = with_size([0.4, 0.4], [6.0, 12.0], weight, NEUTRAL_MM)
    assert small < 0.4 < large


def test_nothing_found_gives_nothing():
    assert with_size([], [], 1.0, NEUTRAL_MM).shape == (0,)


def test_the_answer_is_of_double_precision_whatever_is_given():
    for weight in (0.0, 1.0):
        found = with_size(np.float32([0.25]), np.float32([8.1]), weight, NEUTRAL_MM)
        assert found.dtype == np.float64
    odds = 1 / 3 * float(np.float32(8.1)) / NEUTRAL_MM
    assert found[0] == pytest.approx(odds / (1 + odds), rel=1e-14)
