"""Random draws of training depend on seed and epoch, not on the workers."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, RandFlipd, RandGaussianNoised, Transform

from nodulus.bundles.common.data.draws import Draw, SeededDataset, SeededSampler


class GlobalNoise(Transform):
    """Takes from the global states, as a transform should not."""

    def __call__(self, item):
        return {**item, "global": np.random.rand(), "torch": torch.rand(())}  # noqa: NPY002


def dataset(seed=0, *more):
    items = [{"image": torch.arange(8.0).reshape(1, 2, 2, 2) + 10 * i} for i in range(3)]
    transform = [RandGaussianNoised("image", prob=0.9), RandFlipd("image", prob=0.5), *more]
    return SeededDataset(items, Compose(transform), seed)


def epoch(workers, seed=0, number=1, *more):
    sampler = SeededSampler([1, 1, 1], 12, seed)
    sampler.set_epoch(number)
    loader = DataLoader(dataset(seed, *more), batch_size=4, sampler=sampler, num_workers=workers)
    batches = list(loader)
    keys = batches[0].keys()
    return {key: torch.cat([torch.as_tensor(b[key]) for b in batches]) for key in keys}


def test_a_draw_is_an_index_that_keeps_its_number_on_the_way_to_a_worker():
    draw = pickle.loads(pickle.dumps(Draw(2, 7)))
    assert (["a", "b", "c"][draw], draw.number) == ("c", 7)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(workers):
    torch.testing.assert_close(epoch(workers), epoch(0), rtol=0, atol=0)


def test_workers_agree_on_global_states_too():
    torch.testing.assert_close(
        epoch(2, 0, 1, GlobalNoise()), epoch(1, 0, 1, GlobalNoise()), rtol=0, atol=0
    )


def test_epochs_and_seeds_differ():
    first = epoch(0)["image"]
    assert not torch.equal(first, epoch(0, number=2)["image"])
    assert not torch.equal(first, epoch(0, seed=1)["image"])


def test_two_draws_of_one_item_differ():
    data = dataset()
    assert not torch.equal(data[Draw(0, 1)]["image"], data[Draw(0, 2)]["image"])
    assert torch.equal(data[Draw(0, 1)]["image"], data[Draw(0, 1)]["image"])


def test_items_are_drawn_by_weight():
    count = Counter(map(int, SeededSampler([1.0, 0.0, 3.0], 4000, seed=2)))
    assert count[1] == 0
    assert count[2] / count[0] == pytest.approx(3, rel=0.15)
