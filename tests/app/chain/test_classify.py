from __future__ import annotations

import numpy as np
import pytest
import torch

from app.chain.classify import BLEND_VOXELS, classify, nearest_voxels


class Middle(torch.nn.Module):
    """The logit is the value of the cube's middle voxel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, x.shape[2] // 2, x.shape[3] // 2, x.shape[4] // 2, None]


def run(image: torch.Tensor, centers: list[tuple[float, ...]], batch: int = 3) -> np.ndarray:
    return classify(
        image, centers, Middle(), crop_size=(4, 4, 4), batch=batch, device=torch.device("cpu")
    )


def test_a_point_gets_the_answer_of_its_voxel() -> None:
    image = torch.randn(1, 6, 7, 8, generator=torch.Generator().manual_seed(0))
    centers = [(1.2, 2.0, 3.3), (4.9, 6.0, 0.1), (0.0, 0.0, 7.0), (2.39, 2.61, 3.0)]
    expected = [
        torch.sigmoid(image[0, i, j, k]) for i, j, k in [(1, 2, 3), (5, 6, 0), (0, 0, 7), (2, 3, 3)]
    ]
    np.testing.assert_allclose(run(image, centers), expected, rtol=1e-6)
    assert run(image, []).shape == (0,)


def test_the_answer_does_not_jump_between_voxels() -> None:
    image = torch.zeros(1, 6, 6, 6)
    image[0, 3] = 4.0
    places = np.linspace(2.0, 3.0, 201)
    found = run(image, [(p, 2.0, 2.0) for p in places], batch=16)
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
