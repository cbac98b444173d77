"""Calibration curve, temperature and Platt scaling, against plain computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from nodulus.app.evaluation.metrics.calibration import calibration
from nodulus.app.evaluation.metrics.platt import fit_platt
from nodulus.app.evaluation.metrics.temperature import RANGE, fit_temperature


@pytest.fixture
def items():
    draw = np.random.default_rng(5)
    logits = draw.normal(scale=2, size=600)
    return logits, draw.random(600) < expit(logits / 2.5)


@pytest.mark.parametrize("largest", [1.0, 0.4])
def test_each_bin_is_counted_by_itself(items, largest):
    probability, truth = largest * expit(items[0]), items[1]
    found = calibration(probability, truth, bins=8)
    gap = 0.0
    for n, own in enumerate(found.bins):
        inside = (probability > n / 8) & (probability <= (n + 1) / 8)
        assert (own.lower, own.upper, own.count) == (n / 8, (n + 1) / 8, inside.sum())
        if not inside.any():
            assert (own.mean_probability, own.share_positive) == (None, None)
            continue
        assert own.mean_probability == pytest.approx(probability[inside].mean())
        assert own.share_positive == pytest.approx(truth[inside].mean())
        gap += inside.mean() * abs(probability[inside].mean() - truth[inside].mean())
    assert found.expected_calibration_error == pytest.approx(gap)
    assert found.brier == pytest.approx(brier_score_loss(truth, probability))


def test_edges_belong_to_one_bin_each():
    found = calibration([0.0, 0.5, 1.0], [0, 1, 1], bins=2)
    assert [b.count for b in found.bins] == [2, 1]
    assert found.bins[0].share_positive == 0.5


def test_one_class_alone_can_be_measured():
    found = calibration([0.1, 0.8], [False, False])
    assert found.share_positive == 0
    assert found.expected_calibration_error == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("probability", "truth", "message"),
    [([], [], "0 probabilities"), ([1.2], [1], "between 0 and 1"), ([0.2], [1, 0], "for 2 items")],
)
def test_bad_input(probability, truth, message):
    with pytest.raises(ValueError, match=message):
        calibration(probability, truth)


def test_the_temperature_is_the_slope_of_a_logistic_regression(items):
    logits, truth = items
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    model.fit(logits[:, None], truth)
    temperature = fit_temperature(logits, truth)
    assert temperature == pytest.approx(1 / model.coef_[0, 0], rel=1e-3)
    before, after = (calibration(expit(z), truth) for z in (logits, logits / temperature))
    assert after.expected_calibration_error < before.expected_calibration_error / 2


def test_platt_is_a_logistic_regression(items):
    logits, truth = items
    logits = logits + 1.0
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], truth)
    temperature, offset = fit_platt(logits, truth)
    # Its softened targets draw the slope in a little.
    assert temperature == pytest.approx(1 / model.coef_[0, 0], rel=0.02)
    assert offset == pytest.approx(model.intercept_[0], abs=0.02)


def test_platt_is_finite_where_the_classes_are_apart():
    temperature, offset = fit_platt([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    assert RANGE[0] < temperature < RANGE[1]
    assert offset == pytest.approx(0.0, abs=1e-4)


def test_platt_turns_no_classifier_round():
    temperature, _ = fit_platt([-3.0, -2.0, 2.0, 3.0], [True, True, False, False])
    assert temperature == pytest.approx(RANGE[1], rel=1e-6)


def test_a_temperature_stays_in_its_range():
    assert fit_temperature([-1.0, 1.0], [False, True]) == pytest.approx(RANGE[0], rel=1e-3)
    assert fit_temperature([-1.0, 1.0], [True, False]) == pytest.approx(RANGE[1], rel=1e-3)
