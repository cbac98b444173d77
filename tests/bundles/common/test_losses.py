"""Losses that ignore a label, take ratings, and balance sizes."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceFocalLoss, DiceLoss

from nodulus.bundles.common.losses import IgnoreLabelLoss, RatingsLoss, SizeBalancedLoss


def wrapped() -> IgnoreLabelLoss:
    return IgnoreLabelLoss(DiceFocalLoss(sigmoid=True, batch=True, lambda_focal=20.0))


def test_ignored_voxels_get_no_gradient_and_all_others_do():
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 6, 6, 6, requires_grad=True)
    label = torch.zeros(2, 1, 6, 6, 6, dtype=torch.uint8)
    label[:, :, 1:3] = 7
    label[:, :, 4:] = 255
    wrapped()(logits, label).backward()
    assert logits.grad is not None
    assert torch.all(logits.grad[label == 255] == 0)
    assert torch.all(logits.grad[label != 255] != 0)


def test_what_is_predicted_in_the_ignored_zone_does_not_change_the_loss():
    label = torch.zeros(1, 1, 6, 6, 6, dtype=torch.uint8)
    label[..., 0] = 1
    label[..., 5] = 255
    logits = torch.randn(1, 1, 6, 6, 6)
    other = logits.clone()
    other[..., 5] = 9.0
    assert wrapped()(logits, label) == wrapped()(other, label)


def test_every_nodule_number_is_foreground():
    logits = torch.randn(1, 1, 4, 4, 4)
    one = torch.zeros(1, 1, 4, 4, 4, dtype=torch.uint8)
    one[..., 0] = 1
    many = one.clone()
    many[..., :2, 0] = 254
    assert wrapped()(logits, one) == wrapped()(logits, many)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 4, 4\) and label \(1, 4, 4, 4\)"):
        wrapped()(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 4, 4, 4))


def balanced() -> SizeBalancedLoss:
    return SizeBalancedLoss(DiceLoss(sigmoid=True, batch=True), positive_weight=30.0, lambda_ce=5.0)


def test_small_nodules_weigh_more_by_the_voxel_and_ignored_voxels_nothing():
    label = torch.zeros(2, 1, 20, 20, 20, dtype=torch.uint8)
    label[0, 0, :2, :2, :2] = 1  # 8 voxels: the cap of five times
    label[0, 0, 10:, 10:, :10] = 2  # 1000 voxels: half of the reference's weight
    label[1, 0, :10, :5, :5] = 1  # 250 voxels: the reference
    label[1, 0, 15:] = 255
    weights = balanced().weights(label)
    assert weights[0, 0, 0, 0, 0] == pytest.approx(150.0)
    assert weights[0, 0, 12, 12, 2] == pytest.approx(15.0)
    assert weights[1, 0, 0, 0, 0] == pytest.approx(30.0)
    assert weights[1, 0, 16].max() == 0
    assert weights[0, 0, 5, 5, 5] == 1


def test_the_balanced_loss_falls_as_the_prediction_gets_right_and_ignores_what_it_must():
    label = torch.zeros(1, 1, 8, 8, 8, dtype=torch.uint8)
    label[..., :3] = 3
    label[..., 7] = 255
    right = torch.where((label > 0) & (label < 255), 4.0, -4.0)
    right[..., 7] = 9.0
    wrong = torch.zeros_like(right)
    loss = balanced()
    assert loss(right, label) < 0.5 * loss(wrong, label)
    logits = right.clone().requires_grad_()
    loss(logits, label).backward()
    assert logits.grad is not None
    assert torch.all(logits.grad[label == 255] == 0)


def test_unknown_ratings_have_no_influence():
    loss = RatingsLoss([1.0, 0.5])
    logits = torch.tensor([[0.3, 2.0], [-1.0, 0.5]], requires_grad=True)
    target = torch.tensor([[0.25, float("nan")], [1.0, 0.0]])
    value = loss(logits, target)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    first = bce(logits[:, 0], target[:, 0])
    expected = first + 0.5 * bce(logits[1, 1], target[1, 1]) / 2
    torch.testing.assert_close(value, expected)
    value.backward()
    assert logits.grad[0, 1] == 0
    with pytest.raises(ValueError, match="differ"):
        loss(logits, target[:, :1])
