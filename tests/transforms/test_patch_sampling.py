"""Where the segmentation's training patches lie."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from nodulus.transforms.patch_sampling import (
    PatchKind,
    RandCropAroundPointd,
    RandNodulePatchesd,
    lps_to_voxel,
    sample_points,
)

SHAPE = (60, 50, 40)
AFFINE = np.array([[1.0, 0, 0, -100], [0, 1, 0, -200], [0, 0, 1, 300], [0, 0, 0, 1]])


def lps(voxel):
    x, y, z = np.asarray(voxel) + AFFINE[:3, 3]
    return np.array([-x, -y, z])


def item(nodules=((10, 10, 10), (45, 40, 30)), sizes=(1, 3)):
    label = torch.zeros(1, *SHAPE, dtype=torch.uint8)
    for number, ((x, y, z), r) in enumerate(zip(nodules, sizes, strict=True), start=1):
        label[0, x - r : x + r + 1, y - r : y + r + 1, z - r : z + r + 1] = number
    return {
        "image": torch.arange(label.numel(), dtype=torch.int32).reshape(1, *SHAPE),
        "label": label,
        "affine": torch.from_numpy(AFFINE),
        "nodules_lps_mm": np.array([lps(n) for n in nodules]).reshape(-1, 3),
        "bright": np.array([[30, 25, 20]], np.int32),
        "inside": np.array([[50, 10, 5]], np.int32),
    }


def sampler(**options):
    transform = RandNodulePatchesd(("image", "label"), size=8, jitter_voxels=2, **options)
    return transform.set_random_state(seed=0)


def draws(transform, data, count=3000):
    return Counter(transform.draw(data)[0] for _ in range(count))


def test_a_third_of_each_kind():
    count = draws(sampler(), item())
    assert {kind: round(n / 3000, 1) for kind, n in count.items()} == dict.fromkeys(PatchKind, 0.3)


def test_weights_are_followed():
    count = draws(sampler(weights=(1, 0, 0)), item())
    assert count == {PatchKind.NODULE: 3000}


def test_large_and_small_nodules_are_drawn_equally():
    transform, data = sampler(weights=(1, 0, 0)), item(sizes=(1, 5))
    which = Counter(int(transform(data)["label"].max()) for _ in range(600))
    assert which[1] == pytest.approx(300, abs=50)
    assert which[1] + which[2] == 600


def test_the_jitter_stays_within_bounds_and_is_used():
    transform, data = sampler(weights=(1, 0, 0)), item()
    centers = np.array([transform.draw(data)[1] for _ in range(500)])
    nearest = np.array([[10, 10, 10], [45, 40, 30]])
    shift = np.abs(centers[:, None] - nearest[None]).max(axis=-1).min(axis=1)
    assert shift.max() == pytest.approx(2)
    assert len(np.unique(np.round(shift))) == 3


def test_the_patch_may_know_where_it_lies():
    affine = np.array([[0.0, -2, 0, 30], [1.5, 0, 0, -7], [0, 0, 0.5, 100], [0, 0, 0, 1]])
    index = torch.from_numpy(np.stack(np.indices(SHAPE)))
    data = {**item(), "affine": torch.from_numpy(affine), "image": index[:1], "label": index[1:2]}
    for _ in range(5):
        patch = sampler(affine_key="affine", weights=(0, 0, 1))(data)
        for corner in ((0, 3, 3), (7, 7, 7), (4, 4, 5)):  # in the volume
            there = np.linalg.inv(affine) @ patch["affine"].numpy() @ (*corner, 1)
            x, y = int(patch["image"][(0, *corner)]), int(patch["label"][(0, *corner)])
            np.testing.assert_allclose(there[:2], (x, y), atol=1e-9)
    np.testing.assert_array_equal(data["affine"], affine)
    assert "affine" not in sampler()(item())


def test_without_nodules_hard_negatives_take_their_place():
    data = item(nodules=(), sizes=())
    count = draws(sampler(), data)
    assert PatchKind.NODULE not in count
    assert count[PatchKind.HARD] / 3000 == pytest.approx(2 / 3, abs=0.05)


def test_without_bright_voxels_only_random_ones_are_left():
    data = item(nodules=(), sizes=()) | {"bright": np.zeros((0, 3), np.int32)}
    assert draws(sampler(), data, 50) == {PatchKind.RANDOM: 50}


def test_given_false_alarms_are_half_of_the_hard_negatives():
    data = item() | {"hard_lps_mm": lps([20, 20, 20])[None]}
    transform = sampler(weights=(0, 1, 0))
    centers = np.array([transform.draw(data)[1] for _ in range(1000)])
    near = np.abs(centers - [20, 20, 20]).max(axis=1) <= 2
    assert near.mean() == pytest.approx(0.5, abs=0.06)


def test_in_a_partly_marked_scan_patches_lie_at_known_places_alone():
    data = item() | {"hard_lps_mm": lps([20, 20, 20])[None], "partly_marked": True}
    transform = sampler(weights=(1, 1, 1))
    drawn = [transform.draw(data) for _ in range(600)]
    assert {kind for kind, _ in drawn} == {PatchKind.NODULE, PatchKind.HARD}
    known = np.array([[20, 20, 20], [10, 10, 10], [45, 40, 30]])
    centers = np.array([center for _, center in drawn])
    assert np.abs(centers[:, None] - known).max(axis=-1).min(axis=1).max() == pytest.approx(2)
    hard = np.mean([kind is PatchKind.HARD for kind, _ in drawn])
    assert hard == pytest.approx(2 / 3, abs=0.07)


def test_the_patch_is_the_volume_there_padded_beyond_it():
    data = item() | {"inside": np.array([[0, 25, 20]], np.int32)}
    patch = sampler(weights=(0, 0, 1))(data)
    assert patch["image"].shape == patch["label"].shape == (1, 8, 8, 8)
    assert patch["image"].dtype == torch.int32
    assert torch.all(patch["image"][0, :4] == -1024)
    assert torch.equal(patch["image"][0, 4:], data["image"][0, :4, 21:29, 16:24])
    assert set(patch) == {"image", "label", "kind"}


def test_the_same_seed_gives_the_same_patches():
    data, one, two = item(), sampler(), sampler()
    for _ in range(10):
        assert torch.equal(one(data)["image"], two(data)["image"])


def test_points_are_drawn_from_the_mask_without_repetition():
    mask = np.zeros(SHAPE, bool)
    mask[10:20, 5:9, 3] = True
    points = sample_points(mask, 15, np.random.default_rng(0))
    assert points.shape == (15, 3)
    assert mask[tuple(points.T)].all()
    assert len(np.unique(points, axis=0)) == 15
    assert len(sample_points(mask, 100, np.random.default_rng(0))) == 40
    assert sample_points(np.zeros(SHAPE, bool), 5, np.random.default_rng(0)).shape == (0, 3)


def test_lps_maps_to_voxels():
    np.testing.assert_allclose(lps_to_voxel(lps([3, 4, 5]), AFFINE), [3, 4, 5])


def test_a_cube_around_a_point_keeps_only_what_it_is_told_to():
    data = item() | {"point_lps_mm": lps([30, 20, 20]), "target": 1, "other": 2}
    crop = RandCropAroundPointd("image", size=6, keep=["target"])(data)
    assert set(crop) == {"image", "target"}
    assert torch.equal(crop["image"], data["image"][:, 27:33, 17:23, 17:23])


def test_fill_values_must_match_the_keys():
    with pytest.raises(ValueError, match="2 keys need as many fill values, got 1"):
        RandNodulePatchesd(("image", "label"), fill=(0,))
