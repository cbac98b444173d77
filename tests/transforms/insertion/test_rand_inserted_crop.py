"""Crops around a nodule that is inserted when they are drawn."""

import numpy as np
import pytest
import torch

from nodulus.transforms.geometry import LPS_TO_RAS, apply_affine
from nodulus.transforms.insertion.nodule_insertion_record import from_json
from nodulus.transforms.insertion.rand_inserted_crop import RandInsertedNoduleCropd
from tests.transforms.ball_shapes import Ball

SHAPE = (60, 60, 60)


SHAPES = {name: Ball(name, size) for name, size in (("small", 6.0), ("large", 12.0))}


def item(target=1, source="nodule"):
    rng = np.random.default_rng(0)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = 5, -7, 11
    image = torch.from_numpy(rng.normal(-860, 20, (1, *SHAPE)).astype(np.int16))
    return {
        "image": image,
        "label": torch.zeros(1, *SHAPE, dtype=torch.uint8),
        "lungs": torch.ones(1, *SHAPE, dtype=torch.uint8),
        "affine": affine,
        "inside": np.argwhere(np.ones(SHAPE, bool))[::97],
        "point_lps_mm": apply_affine(LPS_TO_RAS @ affine, [10, 10, 10]),
        "target": np.array([target], dtype=np.float32),
        "source": source,
    }


def transform(prob=1.0, **options):
    weights = {0: [1.0, 0.0], 1: [0.0, 1.0]}
    made = RandInsertedNoduleCropd("image", SHAPES, weights, prob, size=24, **options)
    return made.set_random_state(3)


@pytest.mark.parametrize(("target", "name"), [(0, "small"), (1, "large")])
def test_the_cube_is_centred_on_a_fresh_nodule_of_the_items_class(target, name):
    given = item(target)
    result = transform()(given)
    (insertion,) = from_json(result["insertions"])
    assert insertion.shape_id == name
    assert result["target"] == target
    cube = result["image"][0].numpy()
    assert cube.shape == (24, 24, 24)
    bright = np.argwhere(cube > -400)
    np.testing.assert_allclose(bright.mean(axis=0), 12, atol=1.5)
    assert (given["image"] < -700).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_lung_around_a_fresh_nodule_goes_on_as_far_as_the_scan_does(seed):
    given = item()
    made = transform()
    made.set_random_state(seed)
    result = made(given)
    (insertion,) = from_json(result["insertions"])
    middle = np.floor(np.asarray(insertion.center_lps_mm) * (-1, -1, 1) - (5, -7, 11) + 0.5)
    index = np.indices((24, 24, 24)) + (middle - 12).reshape(3, 1, 1, 1)
    beyond = np.any((index < 0) | (index >= 60), axis=0)
    cube = result["image"][0].numpy()
    assert (cube[beyond] == -1024).all()
    inside = index[:, ~beyond].astype(int)
    original = given["image"][0].numpy()[tuple(inside)]
    far = np.linalg.norm(np.indices((24, 24, 24)) - 12.0, axis=0)[~beyond] > 11
    np.testing.assert_array_equal(cube[~beyond][far], original[far])


def test_the_place_is_in_the_patients_space():
    result = transform()(item())
    (insertion,) = from_json(result["insertions"])
    index = np.asarray(insertion.center_lps_mm) * (-1, -1, 1) - (5, -7, 11)
    assert np.all(index > -1)
    assert np.all(index < SHAPE)


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"prob": 0.0}, {}),
        ({"source": "nodule"}, {"source": "segmentation"}),
    ],
)
def test_other_items_are_cut_as_they_are(options, given):
    data = item(**given)
    result = transform(**options)(data)
    assert from_json(result["insertions"]) == ()
    # The point (10, 10, 10) is voxel 12 of the cube, so the scan begins at voxel 2.
    assert torch.equal(result["image"][:, 2:, 2:, 2:], data["image"][:, :22, :22, :22])
    assert result["image"].max() < -700


def test_a_class_without_weights_is_never_replaced():
    made = RandInsertedNoduleCropd("image", SHAPES, {1: [1.0, 1.0]}, 1.0, size=24)
    made.set_random_state(0)
    assert from_json(made(item(target=0))["insertions"]) == ()
    assert len(from_json(made(item(target=1))["insertions"])) == 1


def test_a_scan_without_room_gives_its_own_place():
    data = item()
    data["lungs"][:] = 0
    assert from_json(transform()(data)["insertions"]) == ()


def test_the_same_seed_gives_the_same_cube():
    first, second = (transform()(item())["image"] for _ in range(2))
    assert torch.equal(first, second)


def test_another_place_is_tried_where_there_is_no_room():
    data = item()
    data["lungs"][:] = 0
    data["lungs"][:, 40:, 40:, 40:] = 1  # most places are too far from it
    data["inside"] = np.concatenate([np.full((19, 3), 2), np.full((1, 3), 50)])

    def inserted(attempts):
        made = transform(attempts=attempts)
        return sum(bool(from_json(made(data)["insertions"])) for _ in range(20))

    assert inserted(1) < 8
    assert inserted(100) == 20
