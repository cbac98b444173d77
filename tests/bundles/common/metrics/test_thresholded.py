from __future__ import annotations

import pytest
import torch
from ignite.exceptions import NotComputableError

from nodulus.bundles.common.metrics.thresholded import Sensitivity, Specificity

PROBABILITY = [torch.tensor([p]) for p in (0.9, 0.3, 0.2, 0.3, 0.1)]
TARGET = [torch.tensor([t]) for t in (1.0, 1.0, 1.0, 0.0, 0.0)]


def test_rates_count_the_threshold_itself_as_positive():
    for metric, expected in ((Sensitivity(0.3), 2 / 3), (Specificity(0.3), 1 / 2)):
        metric.update((PROBABILITY[:2], TARGET[:2]))
        metric.update((PROBABILITY[2:], TARGET[2:]))
        assert metric.compute() == pytest.approx(expected)


def test_a_missing_class_is_an_error():
    metric = Specificity(0.5)
    metric.update((PROBABILITY[:3], TARGET[:3]))
    with pytest.raises(NotComputableError, match="Specificity"):
        metric.compute()
