"""Recalibrated probabilities: log odds divided by a temperature, then an offset."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.result import OperatingPoint


def test_log_odds_are_divided() -> None:
    probability = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    found = recalibrated(probability, 2.0)
    odds = np.sqrt(0.9 / 0.1)
    np.testing.assert_allclose(found, [0, 1 / (1 + odds), 0.5, odds / (1 + odds), 1])
    np.testing.assert_array_equal(recalibrated(probability, 1.0), probability)


def test_the_offset_is_added_after_the_division() -> None:
    found = recalibrated([0.0, 0.9, 1.0], 2.0, -1.0)
    odds = np.sqrt(0.9 / 0.1) / np.e
    np.testing.assert_allclose(found, [0, odds / (1 + odds), 1])


def test_either_of_both_is_enough_and_neither_changes_no_bit() -> None:
    found = recalibrated([0.2, 0.5], 1.0, 0.7)
    odds = np.array([0.25, 1.0]) * np.exp(0.7)
    np.testing.assert_allclose(found, odds / (1 + odds), rtol=1e-12)
    given = np.random.default_rng(0).uniform(0, 1, 200)
    np.testing.assert_array_equal(recalibrated(given, 1.0, 0.0), given)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_answer_is_of_double_precision_whatever_is_given(temperature: float) -> None:
    found = recalibrated(np.array([0.2], np.float32), temperature)
    assert found.dtype == np.float64
    given = float(np.float32(0.2))
    odds = (given / (1 - given)) ** (1 / temperature)
    np.testing.assert_allclose(found, [odds / (1 + odds)], rtol=1e-13)


def test_an_older_file_has_neither() -> None:
    point = OperatingPoint.model_validate({"name": "nodule", "threshold": 0.3, "chosen_on": "x"})
    assert (point.temperature, point.offset) == (1.0, 0.0)


@pytest.mark.parametrize("change", [{"temperature": 2.0}, {"offset": -1.0}])
def test_the_segmentation_takes_none(change: dict[str, float]) -> None:
    points = load_settings().operating_points.model_dump()
    points["segmentation_voxel"].update(change)
    with pytest.raises(ValueError, match="segmentation_voxel: the segmentation takes no"):
        OperatingPoints.model_validate(points)
