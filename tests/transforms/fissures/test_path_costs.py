"""The cheapest surface is found, and costs what its paths cost."""

from __future__ import annotations

from itertools import product

import numpy as np

from nodulus.transforms.fissures.path_costs import path_costs


def test_a_smooth_surface_is_found_through_noise_and_gaps() -> None:
    u, v = np.meshgrid(np.arange(24), np.arange(30), indexing="ij")
    truth = np.round(14 + 5 * np.sin(u / 7.0) + 4 * np.cos(v / 8.0)).astype(int)
    rng = np.random.default_rng(2)
    costs = -rng.uniform(0.0, 1.0, (24, 30, 32)).astype(np.float32)
    costs[u, v, truth] -= 1.0
    costs[8:12, 10:16] = 0.0
    found = path_costs(costs, 0.1, 3).argmin(axis=2)
    assert np.abs(found - truth).max() <= 2
    assert (costs.argmin(axis=2) == truth).mean() < (found == truth).mean()


def test_a_line_costs_what_all_paths_along_it_cost_at_least() -> None:
    costs = np.random.default_rng(4).uniform(-1.0, 0.0, (1, 4, 5)).astype(np.float32)
    bend = 0.2
    least = np.full((4, 5), np.inf)
    for path in product(range(5), repeat=4):
        steps = np.diff(path)
        if np.abs(steps).max() <= 2:
            cost = sum(costs[0, n, w] for n, w in enumerate(path)) + bend * float((steps**2).sum())
            for n, w in enumerate(path):
                least[n, w] = min(least[n, w], cost)
    found = path_costs(costs, bend, 2)[0]
    # A message is counted from its cheapest height, so each node has an offset of its own.
    shifted = (values - values.min(axis=1, keepdims=True) for values in (found, least))
    np.testing.assert_allclose(*shifted, atol=1e-5)
