from __future__ import annotations

import pytest
import torch

from transforms.patches import crop_cube


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
