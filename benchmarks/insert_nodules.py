"""How long nodule insertion takes on training patches: python benchmarks/insert_nodules.py.

Prints milliseconds of CPU time a patch for patches of 48 and 64 voxels of 1 mm, with shapes of
LIDC-IDRI: the median, the 90th percentile, and the mean cost at the probability that the bundle's
``configs/insert_nodules.json`` has. The first use of a shape also builds it; that is timed apart.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from bundles.common.lidc.library import ShapeLibrary
from transforms.rand_insert_nodules import RandInsertNodules


def patch(size: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A corner of lung with chest wall on one side, a vessel and noise."""
    hu = np.full((size, size, size), -860.0)
    hu[size - 8 :] = 40.0
    vessel = slice(size // 2 - 2, size // 2 + 2)
    hu[:, vessel, vessel] = 20.0
    hu += rng.normal(0, 25, hu.shape)
    lungs = np.ones(hu.shape, np.uint8)
    lungs[size - 4 :] = 0
    arrays = (hu.astype(np.int16), np.zeros(hu.shape, np.uint8), lungs)
    image, label, mask = (torch.from_numpy(a[np.newaxis]) for a in arrays)
    return image, label, mask


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--shapes", type=int, default=40, help="how many different shapes")
    parser.add_argument("--probability", type=float, default=0.3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    library = ShapeLibrary("training")
    rng = np.random.default_rng(0)
    weights = np.asarray(library.weights())
    names = rng.choice(list(library), options.shapes, False, weights / weights.sum())
    start = time.process_time()
    shapes = {str(name): library[str(name)] for name in names}
    build = (time.process_time() - start) / len(shapes)
    print(f"building a shape: {1000 * build:.1f} ms of CPU time")
    for size in (48, 64):
        insert = RandInsertNodules(shapes, prob=1.0)
        insert.set_random_state(0)
        seconds, inserted = [], 0
        for _ in range(options.repeats):
            image, label, lungs = patch(size, rng)
            start = time.process_time()
            insert(image, label, lungs)
            seconds.append(time.process_time() - start)
            inserted += len(insert.insertions)
        median, late = 1000 * np.quantile(seconds, [0.5, 0.9])
        mean = 1000 * options.probability * float(np.mean(seconds))
        print(
            f"{size} voxels: median {median:.1f} ms, 90th percentile {late:.1f} ms of CPU time, "
            f"{inserted}/{options.repeats} inserted; at probability {options.probability:g} "
            f"{mean:.1f} ms a patch"
        )


if __name__ == "__main__":
    main()
