from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from nodulus.app.evaluation.metrics.roc import (
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)


@pytest.fixture(params=[1, 8])
def items(request):
    draw = np.random.default_rng(4)
    positive = draw.random(150) < 0.3
    return (draw.normal(size=150) + positive).round(request.param), positive


def test_the_curve_is_scikit_learns(items):
    curve = roc_curve(*items)
    fpr, tpr, threshold = metrics.roc_curve(items[1], items[0], drop_intermediate=False)
    np.testing.assert_allclose(curve.sensitivity, tpr)
    np.testing.assert_allclose(1 - curve.specificity, fpr, atol=1e-12)
    np.testing.assert_array_equal(curve.threshold, threshold)
    assert curve.auc == pytest.approx(metrics.roc_auc_score(items[1], items[0]))


@pytest.mark.parametrize("wanted", [0.5, 0.9, 1.0])
def test_one_rate_at_the_other(items, wanted):
    score, positive = items
    sensitivity = sensitivity_at_specificity(score, positive, wanted, samples=50)
    best = max(
        np.mean(score[positive] >= t)
        for t in [*score, np.inf]
        if np.mean(score[~positive] < t) >= wanted
    )
    assert sensitivity.value == pytest.approx(best)
    assert sensitivity.lower <= sensitivity.value <= sensitivity.upper or wanted == 1.0
    specificity = specificity_at_sensitivity(score, positive, wanted, samples=50)
    best = max(
        np.mean(score[~positive] < t) for t in score if np.mean(score[positive] >= t) >= wanted
    )
    assert specificity.value == pytest.approx(best)


@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([0.1, 0.2], [1, 1], "both classes"),
        ([0.1, 0.2], [0, 0], "0 positives among 2"),
        ([0.1], [1, 0], "1 scores for 2 items"),
        ([0.1, float("nan")], [1, 0], "not a finite number"),
    ],
)
def test_what_makes_no_curve(scores, truth, message):
    with pytest.raises(ValueError, match=message):
        roc_curve(scores, truth)
