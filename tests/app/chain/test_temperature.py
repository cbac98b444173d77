from __future__ import annotations

import numpy as np
import pytest

from app.chain.settings import OperatingPoints, load_settings
from app.chain.temperature import tempered
from app.results.model import OperatingPoint


def test_log_odds_are_divided() -> None:
    probability = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    found = tempered(probability, 2.0)
    odds = np.sqrt(0.9 / 0.1)
    np.testing.assert_allclose(found, [0, 1 / (1 + odds), 0.5, odds / (1 + odds), 1])
    np.testing.assert_array_equal(tempered(probability, 1.0), probability)


def test_an_older_file_has_no_temperature() -> None:
    point = OperatingPoint.model_validate({"name": "nodule", "threshold": 0.3, "chosen_on": "x"})
    assert point.temperature == 1.0


def test_the_segmentation_takes_none() -> None:
    points = load_settings().operating_points.model_dump()
    points["segmentation_voxel"]["temperature"] = 2.0
    with pytest.raises(ValueError, match="segmentation_voxel: the segmentation takes no"):
        OperatingPoints.model_validate(points)
