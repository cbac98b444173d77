"""A point that lies between voxels gets further looks where its first one is worth them."""

from __future__ import annotations

import numpy as np
import torch

from nodulus.app.chain import load_settings
from nodulus.app.chain.blending import nearest_voxels
from nodulus.app.chain.classifiers import CubeClassifier
from nodulus.app.chain.scan import Scan
from nodulus.app.volume import CtVolume
from tests.app.synthetic_chest import bundle


class Middle(torch.nn.Module):
    """The logit rises with the cube's middle voxel; counts its inputs."""

    seen = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        m = x.shape[-1] // 2
        return 8 * x[:, 0, m, m, m, None] - 4


def rated(volume: CtVolume, is_worth=None):
    scan = Scan(volume, None, 0.0)
    network = Middle()
    one = bundle("nodule", network)
    grid = scan.isotropic(one.isotropic_mm).geometry
    index = np.random.default_rng(1).uniform(30, 60, (40, 3))
    told: list[tuple[int, int]] = []
    found = CubeClassifier(one, torch.device("cpu")).rate(
        scan, grid.index_to_lps(index).tolist(), 7, lambda *a: told.append(a), is_worth
    )
    return found, network.seen, [nearest_voxels(i) for i in index], told


def test_every_look_counts_by_its_weight(volume: CtVolume) -> None:
    found, seen, looks, told = rated(volume)
    assert seen == sum(map(len, looks)) > 40
    assert told[-1] == (seen, seen)
    assert all(done <= total for done, total in told)
    again, *_ = rated(volume, lambda first: np.ones(len(first), bool))
    np.testing.assert_allclose(again, found, rtol=1e-12)
    assert found.std() > 0.05, "nothing to compare"


def test_what_is_not_worth_it_keeps_its_first_look(volume: CtVolume) -> None:
    everything, *_ = rated(volume)
    firsts: list[np.ndarray] = []

    def above_median(first: np.ndarray) -> np.ndarray:
        firsts.append(first.copy())
        return first >= np.median(first)

    found, seen, looks, told = rated(volume, above_median)
    worth = firsts[0] >= np.median(firsts[0])
    np.testing.assert_allclose(found[worth], everything[worth], rtol=1e-12)
    np.testing.assert_array_equal(found[~worth], firsts[0][~worth])
    assert seen == 40 + sum(len(own) - 1 for own, is_ in zip(looks, worth, strict=True) if is_)
    assert told[-1] == (seen, seen)
    nothing, seen, *_ = rated(volume, lambda first: np.zeros(len(first), bool))
    np.testing.assert_array_equal(nothing, firsts[0])
    assert seen == 40


def test_the_limit_is_far_below_the_operating_point() -> None:
    settings = load_settings()
    for choice in settings.operating_points.nodule_choices.values():
        least = settings.pipeline.further_looks_share * choice.threshold
        odds = [p / (1 - p) for p in (choice.threshold, least)]
        assert np.log(odds[0] / odds[1]) > np.log(2.5) - 0.1
