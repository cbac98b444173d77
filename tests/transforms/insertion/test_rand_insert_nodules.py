"""The random insertion of nodules as a MONAI transform: seeds, replay, probability."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose

from nodulus.transforms.geometry import LPS_TO_RAS, apply_affine
from nodulus.transforms.insertion.nodule_insertion_record import from_json, to_json
from nodulus.transforms.insertion.nodule_position import Attachment
from nodulus.transforms.insertion.rand_insert_nodules import RandInsertNodules, RandInsertNodulesd
from nodulus.transforms.insertion.replay_insertion import InsertNodules, InsertNodulesd
from tests.transforms.ball_shapes import Ball

SIZE = 48


SHAPES = {f"ball{d}": Ball(f"ball{d}", float(d)) for d in (5, 8, 11)}


def patch(wall=True):
    """Lung with a vessel; chest wall from x = 36 on, and 4 mm of it inside the region."""
    rng = np.random.default_rng(0)
    hu = np.full((SIZE,) * 3, -860.0)
    lungs = np.ones(hu.shape, np.uint8)
    hu[:, 23:26, 23:26] = 30.0
    if wall:
        hu[36:] = 50.0
        lungs[40:] = 0
    hu += rng.normal(0, 20, hu.shape)
    return {
        "image": torch.from_numpy(hu.astype(np.int16)[np.newaxis]),
        "label": torch.zeros((1, *hu.shape), dtype=torch.uint8),
        "lungs": torch.from_numpy(lungs[np.newaxis]),
    }


def drawn(seed=0, item=None, **options):
    transform = RandInsertNodulesd("image", SHAPES, **{"prob": 1.0, **options})
    transform.set_random_state(seed)
    return transform(item or patch())


@pytest.mark.parametrize("seed", range(6))
def test_what_was_drawn_can_be_replayed_exactly(seed):
    item = drawn(seed, count=(2, 3))
    assert json.loads(item["insertions"])
    again = InsertNodulesd("image", SHAPES)({**patch(), "insertions": item["insertions"]})
    assert torch.equal(again["image"], item["image"])
    assert torch.equal(again["label"], item["label"])
    assert not torch.equal(item["image"], patch()["image"])


def test_cavities_are_drawn_and_replayed():
    item = drawn(2, count=(3, 3), cavity_share=1.0)
    walls = [record.wall_mm for record in from_json(item["insertions"])]
    assert any(wall is not None and wall >= 1.5 for wall in walls)
    again = InsertNodulesd("image", SHAPES)({**patch(), "insertions": item["insertions"]})
    assert torch.equal(again["image"], item["image"])
    records = json.loads(item["insertions"])
    for record in records:
        del record["wall_mm"]  # as an earlier version wrote them
    solid = InsertNodulesd("image", SHAPES)({**patch(), "insertions": json.dumps(records)})
    assert torch.equal(solid["label"], item["label"])
    assert not torch.equal(solid["image"], item["image"])


def test_the_array_form_applies_its_last_draw_again():
    item = patch()
    transform = RandInsertNodules(SHAPES, prob=1.0)
    transform.set_random_state(1)
    parts = (item["image"], item["label"], item["lungs"])
    image, label = transform(*parts)
    same, labels = transform(*parts, randomize=False)
    assert torch.equal(image, same)
    assert torch.equal(label, labels)
    other = InsertNodules(SHAPES)(*parts, transform.insertions)
    assert torch.equal(image, other[0])


def test_the_seed_decides():
    assert drawn(3)["insertions"] == drawn(3)["insertions"]
    assert drawn(3)["insertions"] != drawn(4)["insertions"]


def test_the_input_is_not_changed():
    item = patch()
    drawn(0, item)
    assert torch.equal(item["image"], patch()["image"])
    assert not item["label"].any()


@pytest.mark.parametrize(("prob", "low", "high"), [(0.0, 0, 0), (0.3, 4, 20), (1.0, 39, 40)])
def test_the_probability_is_kept(prob, low, high):
    transform = RandInsertNodules({"ball5": SHAPES["ball5"]}, prob=prob)
    transform.set_random_state(0)
    item = patch()
    hits = sum(
        bool(transform(item["image"], item["label"], item["lungs"])[1].any()) for _ in range(40)
    )
    assert low <= hits <= high


def test_nothing_drawn_is_an_empty_list():
    item = drawn(0, prob=0.0)
    assert item["insertions"] == "[]"
    assert torch.equal(item["image"], patch()["image"])


def test_types_stay_and_the_nodule_is_seen_where_its_label_is():
    for dtype in (torch.int16, torch.float32):
        start = patch()
        start["image"] = start["image"].to(dtype)
        item = drawn(2, start)
        assert item["image"].dtype == dtype
        assert item["label"].dtype == torch.uint8
        rise = (item["image"].float() - start["image"].float())[item["label"] > 0]
        assert rise.mean() > 150  # small ones may be faint


@pytest.mark.parametrize("seed", range(8))
def test_a_nodule_at_the_pleura_is_labelled_in_the_lung_not_in_the_wall(seed):
    start = patch()
    item = drawn(seed, start, attachment_shares=(0, 0, 1))
    (record,) = from_json(item["insertions"])
    assert record.attachment is Attachment.PLEURA
    before = start["image"][item["label"] > 0]
    assert (before > -300).float().mean() < 0.1
    where = torch.argwhere(item["label"][0] > 0)
    assert 33 <= int(where[:, 0].max()) <= 36


@pytest.mark.parametrize("seed", range(5))
def test_known_nodules_and_what_nobody_labelled_are_left_alone(seed):
    start = patch(wall=False)
    start["label"][0, 6:12, 6:12, 6:12] = 7
    start["label"][0, 30:40, 30:40, 30:40] = 255
    item = drawn(seed, start, count=(2, 2))
    was, now = start["label"], item["label"]
    assert torch.equal(now[was > 0], was[was > 0])
    new = set(now.unique().tolist()) - {0, 7, 255}
    assert new
    assert new <= {8, 9}
    for known in (7, 255):
        a = torch.argwhere(now[0] == known).float()
        b = torch.argwhere((now[0] == 8) | (now[0] == 9)).float()
        assert torch.cdist(a, b).min() > 4


def test_lps_centres_follow_the_affine():
    affine = np.array([[0, -1.2, 0, 30], [1.0, 0, 0, -7], [0, 0, 1.5, 100], [0, 0, 0, 1.0]])
    start = patch(wall=False)
    for key in ("image", "label", "lungs"):
        start[key] = MetaTensor(start[key], affine=torch.from_numpy(affine))
    item = drawn(5, start, attachment_shares=(1, 0, 0), cut_out=False)
    assert isinstance(item["image"], MetaTensor)
    torch.testing.assert_close(item["image"].affine, start["image"].affine)
    (record,) = from_json(item["insertions"])
    voxel = np.argwhere(item["label"][0].numpy() > 0).mean(axis=0)
    center = apply_affine(LPS_TO_RAS @ affine, voxel)
    np.testing.assert_allclose(center, record.center_lps_mm, atol=0.8)
    plain = {k: v.as_tensor() for k, v in start.items()} | {"affine": affine}
    assert drawn(5, plain, attachment_shares=(1, 0, 0), cut_out=False)["insertions"] == to_json(
        [record]
    )


def test_a_patch_of_lung_alone_has_no_pleura_at_its_edges():
    start = patch(wall=False)
    reached = False
    for seed in range(12):
        item = drawn(seed, start)
        for record in from_json(item["insertions"]):
            assert record.attachment is not Attachment.PLEURA
        where = torch.argwhere(item["label"][0] > 0)
        reached |= bool((where == 0).any() or (where == SIZE - 1).any())
    assert reached


def test_a_patch_without_lung_stays_as_it_is():
    start = patch()
    start["lungs"][:] = 0
    item = drawn(0, start)
    assert item["insertions"] == "[]"
    assert torch.equal(item["image"], start["image"])


def test_a_shape_that_cannot_be_built_is_left_out():
    class Broken(dict):
        def __getitem__(self, key):
            raise ValueError("the outlines enclose no voxel")

    transform = RandInsertNodulesd("image", Broken(SHAPES), prob=1.0)
    assert transform.set_random_state(0)(patch())["insertions"] == "[]"


def test_it_works_in_a_data_loader_where_the_seed_decides():
    def batches():
        transform = Compose([RandInsertNodulesd("image", SHAPES, prob=0.5, count=(1, 2))])
        torch.manual_seed(11)  # MONAI's loader seeds the transforms from it
        return list(DataLoader(Dataset([patch() for _ in range(4)], transform), batch_size=2))

    first, second = batches(), batches()
    texts = [text for batch in first for text in batch["insertions"]]
    assert texts == [text for batch in second for text in batch["insertions"]]
    assert len(set(texts)) > 1
    assert first[0]["image"].shape == (2, 1, SIZE, SIZE, SIZE)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="no nodule shapes"):
        RandInsertNodules({})
    with pytest.raises(ValueError, match="3 shapes need as many weights"):
        RandInsertNodules(SHAPES, weights=[1.0])
    with pytest.raises(ValueError, match="bad range"):
        RandInsertNodules(SHAPES, count=(2, 1))
    with pytest.raises(ValueError, match="one image"):
        RandInsertNodulesd(["image", "other"], SHAPES)
    item = patch()
    with pytest.raises(ValueError, match="shape"):
        drawn(0, {**item, "label": item["label"][..., 1:]})
    with pytest.raises(ValueError, match="lungs"):
        drawn(0, {**item, "lungs": item["lungs"][..., 1:]})


def test_labels_that_run_out_are_an_error():
    start = patch(wall=False)
    start["label"][0, 0, 0, 0] = 254
    with pytest.raises(ValueError, match="no label is left"):
        drawn(0, start)
