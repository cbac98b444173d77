"""Fields of view that cut the image in training."""

import torch

from nodulus.transforms.field_of_view import (
    PADDING_HU,
    FieldCut,
    RandBoxFieldOfViewd,
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


def test_a_box_around_the_middle_stays_and_the_rest_is_padding():
    item = {"image": torch.zeros(1, 60, 60, 60)}
    transform = RandBoxFieldOfViewd("image", (26, 46), (16, 80), shift_voxels=3, prob=1.0)
    edges = []
    for seed in range(40):
        result = transform.set_random_state(seed)(item)
        kept = (result["image"][0] == 0).nonzero()
        low, high = kept.amin(0), kept.amax(0) + 1
        x, y, z = (high - low).tolist()
        assert x == y
        assert 25 <= x <= 47
        assert 15 <= z <= 60
        assert ((low + high) / 2 - 30).abs().max() <= (5 if z < 54 else 30)
        assert len(kept) == x * y * z
        edges.append(x)
    assert max(edges) - min(edges) > 10
    assert (item["image"] == 0).all()


def test_nodules_outside_of_the_box_are_ignored():
    label = torch.zeros(1, 60, 60, 60, dtype=torch.uint8)
    label[:, :, :, 20:40] = 3
    item = {"image": torch.zeros(1, 60, 60, 60), "label": label}
    transform = RandBoxFieldOfViewd("image", (26, 26), (16, 16), prob=1.0, label_key="label")
    result = transform.set_random_state(0)(item)
    outside = result["image"] < 0
    assert (result["label"][~outside] == label[~outside]).all()
    assert (result["label"][outside & (label == 3)] == IGNORE_LABEL).all()
    assert (result["label"][outside & (label == 0)] == 0).all()
    assert set(label.unique().tolist()) == {0, 3}


def test_without_luck_no_box_is_drawn():
    item = {"image": torch.zeros(1, 60, 60, 60)}
    result = RandBoxFieldOfViewd("image", (26, 46), (16, 80), prob=0.0)(item)
    assert torch.equal(result["image"], item["image"])
