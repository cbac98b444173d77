"""DeLong's interval and paired test of the AUC, against all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from nodulus.app.evaluation.metrics.delong import auc_interval, compare_aucs


def by_pairs(scores, positive):
    """DeLong's covariance from all pairs, as in the paper of 1988."""
    pos, neg = scores[:, positive], scores[:, ~positive]
    wins = (pos[:, :, None] > neg[:, None, :]) + 0.5 * (pos[:, :, None] == neg[:, None, :])
    m, n = pos.shape[1], neg.shape[1]
    of_positives, of_negatives = wins.mean(axis=2), wins.mean(axis=1)
    return wins.mean(axis=(1, 2)), np.cov(of_positives) / m + np.cov(of_negatives) / n


@pytest.fixture(params=[1, 9])
def items(request):
    draw = np.random.default_rng(8)
    positive = draw.random(90) < 0.4
    first = draw.normal(size=90) + positive
    second = 0.6 * first + draw.normal(size=90) + 0.2 * positive
    return np.stack([first, second]).round(request.param), positive


def test_the_interval_is_that_of_all_pairs(items):
    scores, positive = items
    aucs, covariance = by_pairs(scores, positive)
    found = auc_interval(scores[0], positive, confidence=0.9)
    half = norm.ppf(0.95) * np.sqrt(covariance[0, 0])
    assert (found.value, found.lower, found.upper) == pytest.approx(
        (aucs[0], aucs[0] - half, min(aucs[0] + half, 1))
    )


def test_the_paired_test_is_that_of_all_pairs(items):
    scores, positive = items
    aucs, covariance = by_pairs(scores, positive)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = compare_aucs(*scores, positive)
    assert (found.first, found.second) == pytest.approx(tuple(aucs))
    assert found.z == pytest.approx((aucs[0] - aucs[1]) / error)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(found.z)))
    assert found.difference.lower < found.difference.value < found.difference.upper


def test_equal_scores_do_not_differ(items):
    scores, positive = items
    found = compare_aucs(scores[0], 2 * scores[0], positive)
    assert (found.difference.value, found.p_value) == (0.0, 1.0)


def test_the_interval_covers_as_often_as_it_says():
    draw = np.random.default_rng(0)
    truth = norm.cdf(1 / np.sqrt(2))
    positive = np.arange(80) < 40
    inside = 0
    for _ in range(400):
        found = auc_interval(draw.normal(size=80) + positive, positive)
        inside += found.lower <= truth <= found.upper
    assert 0.91 <= inside / 400 <= 0.98


def test_classes_apart_have_no_width():
    found = auc_interval([1, 2, 3, 4], [0, 0, 1, 1])
    assert (found.value, found.lower, found.upper) == (1, 1, 1)
    assert auc_interval([1, 2], [0, 1]).value == 1
