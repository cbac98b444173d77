"""The crop classifier's outputs and sizes."""

from __future__ import annotations

import pytest
import torch

from nodulus.bundles.common.networks import CropClassifier


def test_two_logits_a_crop() -> None:
    network = CropClassifier((8, 16, 12), [2, 4])
    assert network.head.in_features == 4 * 2 * 4 * 3
    assert network(torch.rand(3, 1, 8, 16, 12)).shape == (3, 2)


def test_edges_that_do_not_halve_are_refused() -> None:
    with pytest.raises(ValueError, match="no multiple of 4"):
        CropClassifier((8, 16, 10), [2, 4])
