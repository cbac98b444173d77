"""The answer at a point between voxels is blended from its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nodulus.app.chain.blending import BLEND_VOXELS, nearest_voxels
from nodulus.app.chain.network.batched_inference import classify
from nodulus.transforms.patches import crop_cube


class Middle(torch.nn.Module):
    """The logit is the value of the cube's middle voxel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, x.shape[2] // 2, x.shape[3] // 2, x.shape[4] // 2, None]


def answer(image: torch.Tensor, center: tuple[float, ...]) -> float:
    looks = nearest_voxels(center)
    seen = classify(
        [voxel for voxel, _ in looks],
        lambda voxel: crop_cube(image, voxel, (4, 4, 4), 0.0),
        Middle(),
        batch=3,
        device=torch.device("cpu"),
    )
    return float(np.dot([weight for _, weight in looks], seen))


def test_a_point_gets_the_answer_of_its_voxel() -> None:
    image = torch.randn(1, 6, 7, 8, generator=torch.Generator().manual_seed(0))
    for center, (i, j, k) in {
        (1.2, 2.0, 3.2): (1, 2, 3),
        (4.9, 6.0, 0.1): (5, 6, 0),
        (0.0, 0.0, 7.0): (0, 0, 7),
        (2.2, 2.8, 3.0): (2, 3, 3),
    }.items():
        expected = float(torch.sigmoid(image[0, i, j, k]))
        assert answer(image, center) == pytest.approx(expected, rel=1e-6)


def test_the_answer_does_not_jump_between_voxels() -> None:
    image = torch.zeros(1, 6, 6, 6)
    image[0, 3] = 4.0
    found = np.array([answer(image, (p, 2.0, 2.0)) for p in np.linspace(2.0, 3.0, 201)])
    assert found[0] == pytest.approx(0.5)
    assert found[-1] == pytest.approx(1 / (1 + np.exp(-4)))
    assert np.diff(found).min() >= 0
    assert np.diff(found).max() < 1.1 * (found[-1] - found[0]) * 0.005 / (2 * BLEND_VOXELS)


def test_weights_sum_to_one() -> None:
    for center in np.random.default_rng(0).uniform(-2, 9, (200, 3)):
        voxels = nearest_voxels(center)
        assert sum(w for _, w in voxels) == pytest.approx(1.0)
        assert all(w >= 0 for _, w in voxels)
        assert all(np.abs(np.subtract(v, center)).max() <= 0.5 + BLEND_VOXELS for v, _ in voxels)
    assert len(nearest_voxels((0.5, 1.5, 2.5))) == 8


def test_weights_are_in_proportion_to_how_near_the_middle_is() -> None:
    assert nearest_voxels((2.25, 3.75, 4.0)) == [((2, 4, 4), 1.0)]
    assert nearest_voxels((2.375, -1.0, 4.0)) == [((2, -1, 4), 0.75), ((3, -1, 4), 0.25)]
    assert nearest_voxels((2.0, 3.0, 4.625)) == [((2, 3, 5), 0.75), ((2, 3, 4), 0.25)]
    both = dict(nearest_voxels((2.5, 3.375, 4.0)))
    assert both == {
        (2, 3, 4): 0.375, (3, 3, 4): 0.375, (2, 4, 4): 0.125, (3, 4, 4): 0.125,
    }  # fmt: skip
