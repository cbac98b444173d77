"""The crops at the voxels around a point count where that of the nearest voxel calls for them."""

from __future__ import annotations

import numpy as np
import torch

from nodulus.app.chain import load_settings
from nodulus.app.chain.blending import nearest_voxels
from nodulus.app.chain.classifiers import CubeClassifier
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.volume import CtVolume
from tests.app.synthetic_chest import bundle


class Middle(torch.nn.Module):
    """The logit rises with the cube's middle voxel; counts its inputs."""

    seen = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        m = x.shape[-1] // 2
        return 8 * x[:, 0, m, m, m, None] - 4


def rated(volume: CtVolume, needs_neighbours=None):
    scan = ScanViews(volume, None, 0.0)
    network = Middle()
    one = bundle("nodule", network)
    grid = scan.isotropic(one.isotropic_mm).geometry
    index = np.random.default_rng(1).uniform(30, 60, (40, 3))
    reported: list[tuple[int, int]] = []
    found = CubeClassifier(one, torch.device("cpu")).rate(
        scan, grid.index_to_lps(index).tolist(), 7, lambda *a: reported.append(a), needs_neighbours
    )
    return found, network.seen, [nearest_voxels(i) for i in index], reported


def test_every_crop_counts_by_its_weight(volume: CtVolume) -> None:
    found, seen, crops, reported = rated(volume)
    assert seen == sum(map(len, crops)) > 40
    assert reported[-1] == (seen, seen)
    assert all(done <= total for done, total in reported)
    again, *_ = rated(volume, lambda first: np.ones(len(first), bool))
    np.testing.assert_allclose(again, found, rtol=1e-12)
    assert found.std() > 0.05, "nothing to compare"


def test_the_crops_are_those_of_the_point_itself(volume: CtVolume) -> None:
    found, _, crops, _ = rated(volume)
    one = bundle("nodule", Middle())
    hu = np.asarray(ScanViews(volume, None, 0.0).isotropic(one.isotropic_mm).hu)[0]
    low, high = one.window_hu
    first, last = one.input_range
    expected = []
    for own in crops:
        seen = np.array([np.clip((hu[at] - low) / (high - low), 0, 1) for at, _ in own])
        logits = 8 * (first + seen * (last - first)) - 4
        expected.append(np.sum([w for _, w in own] / (1 + np.exp(-logits))))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_point_without_neighbours_keeps_its_first_probability(volume: CtVolume) -> None:
    everything, *_ = rated(volume)
    firsts: list[np.ndarray] = []

    def above_median(first: np.ndarray) -> np.ndarray:
        firsts.append(first.copy())
        return first >= np.median(first)

    found, seen, crops, reported = rated(volume, above_median)
    needs = firsts[0] >= np.median(firsts[0])
    np.testing.assert_allclose(found[needs], everything[needs], rtol=1e-12)
    np.testing.assert_array_equal(found[~needs], firsts[0][~needs])
    assert seen == 40 + sum(len(own) - 1 for own, more in zip(crops, needs, strict=True) if more)
    assert reported[-1] == (seen, seen)
    nothing, seen, *_ = rated(volume, lambda first: np.zeros(len(first), bool))
    np.testing.assert_array_equal(nothing, firsts[0])
    assert seen == 40


def test_points_that_are_seen_in_larger_voxels_are_rated_as_if_they_were_alone(
    volume: CtVolume,
) -> None:
    one = bundle("nodule", Middle())
    grid = ScanViews(volume, None, 0.0).isotropic(one.isotropic_mm).geometry
    points = grid.index_to_lps(np.random.default_rng(4).uniform(30, 60, (16, 3))).tolist()
    coarse = {2, 3, 7, 8, 11, 15}

    def rate(chosen: list[int]) -> np.ndarray:
        scan = ScanViews(volume, None, 0.0)
        for n in coarse:
            scan.set_crop_spacing(points[n], 2.0)
        return CubeClassifier(one, torch.device("cpu")).rate(
            scan, [points[n] for n in chosen], 7, lambda *_: None, lambda first: first >= 0.2
        )

    together = rate(list(range(16)))
    alone = [float(rate([n])[0]) for n in range(16)]
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    assert len({round(p, 6) for p in alone}) > 8, "nothing to compare"


def test_the_limit_is_far_below_the_operating_point() -> None:
    settings = load_settings()
    for choice in settings.operating_points.nodule_choices.values():
        least = settings.pipeline.neighbour_crops_share * choice.threshold
        odds = [p / (1 - p) for p in (choice.threshold, least)]
        assert np.log(odds[0] / odds[1]) > np.log(2.5) - 0.1
