"""Items drawn for training, each with a random state of its own.

The usual way, a random state in each worker that runs on from item to item, depends on how many
workers there are and on all that was drawn before: a run that is resumed cannot get back to it.
Here the sampler numbers its draws, and the number and the run's seed settle everything random
about an item, whichever process makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from ignite.utils import manual_seed
from monai.data import Dataset
from torch.utils.data import DistributedSampler, get_worker_info


class Draw(int):
    """The index of an item, and the number of its draw in the run."""

    number: int

    def __new__(cls, index: int, number: int) -> Draw:
        """Make the draw of a number."""
        draw = super().__new__(cls, index)
        draw.number = number
        return draw

    def __reduce__(self) -> tuple[Any, ...]:
        return Draw, (int(self), self.number)


def seed_of(*parts: int) -> int:
    """A 32-bit seed that depends on all of the numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


class SeededSampler(DistributedSampler[Any]):
    """Weighted draws with replacement; each epoch's follow from the seed and the epoch.

    All processes draw the same list and take every n-th of it, so that the weights hold for all
    of them together. MONAI's engines call ``set_epoch``.

    Args:
        weights: one for each item, not necessarily normalised.
        count: draws an epoch, for each process.
        seed: of the run.
        replicas: processes; of the present run where None.
        rank: number of this one.
    """

    def __init__(
        self,
        weights: Sequence[float],
        count: int,
        seed: int,
        replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self.replicas = idist.get_world_size() if replicas is None else replicas
        place = idist.get_rank() if rank is None else rank
        super().__init__(range(len(weights)), self.replicas, place, seed=seed)  # type: ignore[arg-type]
        self.weights = torch.as_tensor(weights, dtype=torch.float64)
        self.count = count

    def __iter__(self) -> Iterator[Draw]:
        total = self.count * self.replicas
        generator = torch.Generator().manual_seed(seed_of(self.seed, self.epoch))
        drawn = torch.multinomial(self.weights, total, replacement=True, generator=generator)
        first = self.epoch * total
        for place in range(self.rank, total, self.replicas):
            yield Draw(int(drawn[place]), first + place)

    def __len__(self) -> int:
        return self.count


class SeededDataset(Dataset):
    """MONAI's data set, whose transforms are seeded by the number of each draw.

    Args:
        data: items.
        transform: a MONAI transform; its random state is set before each call.
        seed: of the run.
    """

    def __init__(self, data: Sequence[Any], transform: Any, seed: int) -> None:
        super().__init__(data, transform)
        self.seed = seed

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Draw):
            seed = seed_of(self.seed, index.number)
            self.transform.set_random_state(seed=seed)
            if get_worker_info() is not None:  # what a transform may take from global states
                manual_seed(seed)
        return super().__getitem__(index)
