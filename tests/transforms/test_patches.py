"""Crops around a point, within and beyond the volume."""

from __future__ import annotations

import pytest
import torch

from nodulus.transforms.patches import crop_cube, crop_within


@pytest.mark.parametrize("size", [4, 5, (2, 4, 6)])
def test_the_middle_voxel_is_the_nearest_one(size: int | tuple[int, int, int]) -> None:
    volume = torch.arange(10 * 11 * 12).reshape(1, 10, 11, 12)
    cube = crop_cube(volume, (4.4, 5.6, 6.0), size, -1)
    middle = [n // 2 for n in cube.shape[1:]]
    assert cube[0, middle[0], middle[1], middle[2]] == volume[0, 4, 6, 6]


def test_beyond_the_edge_is_fill() -> None:
    cube = crop_cube(torch.ones(1, 4, 4, 4), (0, 0, 0), 4, -5.0)
    assert cube[0, :2].unique().tolist() == [-5.0]
    assert cube[0, 2:, 2:, 2:].unique().tolist() == [1.0]


def test_far_outside_is_all_fill() -> None:
    assert crop_cube(torch.ones(2, 4, 4, 4), (40, 0, -30), 4, 0.0).sum() == 0


@pytest.mark.parametrize(
    ("center", "first"),
    [((5, 5, 5), (3, 3, 3)), ((0, 9, 4.6), (0, 6, 3)), ((-50, 99, 5), (0, 6, 3))],
)
def test_within_moves_the_box_into_the_volume(center: object, first: tuple[int, int, int]) -> None:
    volume = torch.arange(1000).reshape(1, 10, 10, 10)
    cube = crop_within(volume, center, 4, -1)
    i, j, k = first
    assert torch.equal(cube, volume[:, i : i + 4, j : j + 4, k : k + 4])


def test_within_fills_an_axis_that_is_too_short() -> None:
    cube = crop_within(torch.ones(1, 3, 10, 10), (1, 5, 5), (8, 4, 4), -5.0)
    assert cube.shape == (1, 8, 4, 4)
    assert (cube == 1).sum() == 3 * 4 * 4
