"""Sensitivity and specificity as the classifiers' configs have them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from nodulus.bundles import config_files

LOGIT = torch.logit(torch.tensor([0.9, 0.3, 0.2, 0.3, 0.1]))
TARGET = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
PLACES = {"train": "validate#", "evaluate": ""}
METRICS = {"train": "validate#additional_metrics", "evaluate": "evaluator#additional_metrics"}


def rates(bundles: Path, bundle: str, config: str, batches: Sequence[slice]) -> tuple[float, float]:
    """What the config's metrics say of some of the items, at a threshold of 0.3."""
    parser = ConfigParser()
    parser.read_config(config_files(bundle, config))
    parser["threshold"] = float(torch.sigmoid(LOGIT[1]))  # as rounding leaves it
    postprocessing = parser.get_parsed_content(f"{PLACES[config]}postprocessing")
    metrics = list(parser.get_parsed_content(METRICS[config]).values())
    for metric in metrics:
        metric.reset()
        for batch in batches:
            pairs = zip(LOGIT[batch], TARGET[batch], strict=True)
            items = [postprocessing({"pred": p[None], "label": t[None]}) for p, t in pairs]
            metric.update(metric._output_transform(items))
    sensitivity, specificity = (float(metric.compute()) for metric in metrics)
    return sensitivity, specificity


@pytest.mark.parametrize("bundle", ["nodule", "malignancy"])
@pytest.mark.parametrize("config", ["train", "evaluate"])
def test_the_threshold_itself_is_positive(bundles: Path, bundle: str, config: str) -> None:
    found = rates(bundles, bundle, config, [slice(0, 2), slice(2, 5)])
    assert found == pytest.approx((2 / 3, 1 / 2))


def test_a_class_that_is_not_there_has_no_rate(bundles: Path) -> None:
    sensitivity, specificity = rates(bundles, "nodule", "evaluate", [slice(0, 3)])
    assert sensitivity == pytest.approx(2 / 3)
    assert math.isnan(specificity)
