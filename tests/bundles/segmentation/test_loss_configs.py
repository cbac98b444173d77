from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

CONFIGS = Path(__file__).resolve().parents[3] / "bundles" / "segmentation" / "configs"
LOSSES = sorted((CONFIGS / "losses").glob("*.json"))


@pytest.fixture(params=LOSSES, ids=lambda path: path.stem)
def loss(request) -> torch.nn.Module:
    config = ConfigParser()
    config.read_config([str(CONFIGS / "train.json"), str(request.param)])
    return config.get_parsed_content("loss")


@pytest.fixture
def label() -> torch.Tensor:
    label = torch.zeros(2, 1, 8, 8, 8, dtype=torch.uint8)
    label[:, :, 2:5, 2:5, 2:5] = 3
    label[..., 7] = 255
    return label


def test_it_replaces_that_of_training_and_prefers_what_is_right(loss, label):
    right = torch.where(label == 3, 6.0, -6.0)
    assert loss(right, label) < 0.5 * loss(torch.zeros(right.shape), label)
    assert loss(torch.zeros(right.shape), label) < loss(-right, label)


def test_what_nobody_labelled_has_no_gradient(loss, label):
    logits = torch.randn(label.shape, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    loss(logits, label).backward()
    assert torch.all(logits.grad[label == 255] == 0)
    assert torch.all(logits.grad[label != 255] != 0)


def test_there_are_three():
    assert [path.stem for path in LOSSES] == ["dice_ce", "dice_focal", "tversky"]
