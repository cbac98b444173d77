from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bundles.common.metrics.auc_comparison import compare_methods


@pytest.fixture
def cases():
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2 == 0
    return truth, lambda shift, seeds=1: rng.normal(shift * truth, 1, (seeds, 80))


def test_the_value_is_scikit_learns_mean_over_seeds(cases):
    truth, draw = cases
    scores = {"net": np.round(draw(1.0, 3), 1), "size": np.round(draw(0.5)[0], 1)}  # with ties
    found = compare_methods(scores, truth, "size", samples=200)
    expected = [roc_auc_score(truth, row) for row in scores["net"]]
    assert found["net"].by_seed == pytest.approx(expected)
    assert found["net"].auc.value == pytest.approx(np.mean(expected))
    assert found["size"].auc.value == pytest.approx(roc_auc_score(truth, scores["size"]))
    assert found["size"].difference is None
    gap = found["net"].difference
    assert gap.value == pytest.approx(found["net"].auc.value - found["size"].auc.value)
    assert gap.lower < gap.value < gap.upper


def test_the_difference_is_paired(cases):
    truth, draw = cases
    size = draw(0.8)[0]
    found = compare_methods({"size": size, "same": 2 * size}, truth, "size", samples=100)
    assert (found["same"].difference.lower, found["same"].difference.upper) == (0, 0)
    assert found["same"].auc.upper - found["same"].auc.lower > 0.05


def test_seeds_that_disagree_widen_the_interval(cases):
    truth, draw = cases
    one = draw(1.0)[0]
    steady, shaky = np.stack([one, one, one]), np.stack([one, one, -one])
    found = compare_methods({"steady": steady, "shaky": shaky}, truth, "steady", samples=500)
    width = {name: row.auc.upper - row.auc.lower for name, row in found.items()}
    assert width["shaky"] > 1.5 * width["steady"]


def test_one_class_alone_is_refused(cases):
    _, draw = cases
    with pytest.raises(ValueError, match="both classes are needed"):
        compare_methods({"size": draw(0)}, np.ones(80), "size")
