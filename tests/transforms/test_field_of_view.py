import torch

from nodulus.transforms.field_of_view import (
    PADDING_HU,
    FieldCut,
    RandCutFieldOfViewd,
    outside_field,
)
from nodulus.transforms.ignore_label import IGNORE_LABEL

SHAPE = (20, 20, 20)


def test_straight_cut_is_a_half_space():
    outside = outside_field(SHAPE, FieldCut((0.0, 0.0, 1.0), 5.0, float("inf")))
    assert torch.equal(outside.any(0).any(0), torch.arange(20) - 9.5 > 5.0)
    assert outside[:, :, -1].all()


def test_round_cut_touches_the_straight_one_and_keeps_less_beside_it():
    straight = outside_field(SHAPE, FieldCut((1.0, 0.0, 0.0), 3.0, float("inf")))
    arc = outside_field(SHAPE, FieldCut((1.0, 0.0, 0.0), 3.0, 30.0))
    assert (arc | ~straight).all()
    assert arc.sum() > straight.sum()
    assert torch.equal(arc[:, 10], straight[:, 10])


def test_cut_nodules_are_ignored_and_background_stays():
    item = {"image": torch.zeros(1, *SHAPE), "label": torch.ones(1, *SHAPE, dtype=torch.uint8)}
    item["label"][:, :, :10] = 0
    transform = RandCutFieldOfViewd("image", prob=1.0).set_random_state(2)
    result = transform(item)
    outside = outside_field(SHAPE, transform.cut)[None]
    assert 0 < outside.float().mean() < 0.5
    assert torch.equal(result["image"] == PADDING_HU, outside)
    assert torch.equal(result["label"] == IGNORE_LABEL, outside & (item["label"] == 1))
    assert (result["label"][:, :, :10] == 0).all()


def test_nothing_is_cut_without_luck_or_label():
    item = {"image": torch.zeros(1, *SHAPE)}
    assert torch.equal(RandCutFieldOfViewd("image", prob=0.0)(item)["image"], item["image"])
    cut = RandCutFieldOfViewd("image", prob=1.0).set_random_state(0)(item)
    assert (cut["image"] == PADDING_HU).any()
