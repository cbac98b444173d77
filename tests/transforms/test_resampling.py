"""Resampling keeps places, edges and values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodulus.transforms.geometry import apply_affine
from nodulus.transforms.resampling import resample_to_spacing


def ramp(shape: tuple[int, int, int], affine: np.ndarray) -> torch.Tensor:
    """An image whose value at a place is a linear function of the place in mm."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    place = apply_affine(affine, index)
    return torch.from_numpy(place @ [1.0, 2.0, -3.0] + 7.0).float()[None]


@settings(max_examples=30)
@given(
    st.tuples(*[st.floats(0.4, 3.0)] * 3),
    st.floats(0.5, 2.5),
    st.sampled_from([np.diag([1.0, 1, 1]), np.diag([-1.0, 1, -1])]),
)
def test_what_lies_at_a_place_stays_there(
    spacing: tuple[float, float, float], target: float, axes: np.ndarray
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = (-100, 50, 20)
    image = ramp((24, 25, 26), affine)
    resampled, new = resample_to_spacing(image, affine, target)
    expected = ramp(tuple(resampled.shape[1:]), new)
    np.testing.assert_allclose(np.linalg.norm(new[:3, :3], axis=0), target)
    edge = [int(np.ceil(3 * max(s, target) / target)) for s in spacing]
    inner = (0, *(slice(e, -e) for e in edge))
    np.testing.assert_allclose(resampled[inner], expected[inner], atol=2e-2)


def test_the_outer_edge_of_the_first_voxel_stays() -> None:
    affine = np.diag([0.6, 0.6, 3.0, 1.0])
    _, new = resample_to_spacing(torch.zeros(1, 10, 10, 10), affine, 1.0)
    np.testing.assert_allclose(apply_affine(new, [-0.5] * 3), apply_affine(affine, [-0.5] * 3))


def test_a_coarser_grid_averages_noise() -> None:
    noise = torch.randn(1, 60, 60, 60, generator=torch.Generator().manual_seed(0))
    coarse, _ = resample_to_spacing(noise, np.eye(4), 2.0)
    points, _ = resample_to_spacing(noise, np.eye(4), 2.0, "nearest")
    assert float(coarse.std()) < 0.4 * float(points.std())
    assert float(coarse.mean()) == pytest.approx(float(noise.mean()), abs=0.02)


def test_constants_stay_and_labels_are_not_mixed() -> None:
    image, _ = resample_to_spacing(torch.full((1, 9, 9, 9), -850.0), np.diag([0.7, 1, 2.5, 1]), 1.0)
    assert torch.allclose(image, torch.tensor(-850.0))
    labels = torch.zeros(1, 12, 12, 12, dtype=torch.uint8)
    labels[:, 4:8, 4:8, 4:8] = 7
    result, _ = resample_to_spacing(labels, np.diag([0.8, 0.8, 0.8, 1]), 1.0, "nearest")
    assert result.dtype == torch.uint8
    assert set(result.unique().tolist()) == {0, 7}
