"""Intervals of shares and of the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from nodulus.app.evaluation.metrics.delong import auc_interval
from nodulus.app.evaluation.metrics.estimate import bootstrap, proportion


@pytest.mark.parametrize(("count", "total"), [(0, 7), (7, 7), (3, 10), (190, 200)])
def test_a_share_has_wilsons_interval(count, total):
    found = proportion(count, total, 0.9)
    assert found is not None
    # Where the share lies as many standard errors of the bound away as the interval is wide.
    for bound in (found.lower, found.upper):
        if bound not in (0.0, 1.0):
            error = np.sqrt(bound * (1 - bound) / total)
            assert abs(count / total - bound) / error == pytest.approx(norm.ppf(0.95))
    assert found.lower <= found.value <= found.upper
    assert found.value == count / total


def test_a_share_of_nothing_is_none():
    assert proportion(0, 0) is None


def test_the_bootstrap_agrees_with_delong():
    draw = np.random.default_rng(2)
    positive = np.arange(300) < 120
    scores = draw.normal(size=300) + positive
    found = bootstrap(lambda s, y: roc_auc_score(y, s), scores, positive, samples=300, seed=1)
    expected = auc_interval(scores, positive)
    assert found.value == pytest.approx(expected.value)
    assert found.lower == pytest.approx(expected.lower, abs=0.015)
    assert found.upper == pytest.approx(expected.upper, abs=0.015)
