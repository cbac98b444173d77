"""Patches cover each voxel of the lungs once."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.network.lung_patches import LungPatch, blocks_in, cover_blocks
from nodulus.transforms.blocks import any_in_blocks


def two_lungs(shape: tuple[int, int, int]) -> np.ndarray:
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    result = np.zeros(shape, bool)
    for middle in (shape[0] // 4, shape[0] - shape[0] // 4):
        result |= (
            ((x - middle) / (shape[0] / 6)) ** 2
            + ((y - shape[1] // 2) / (shape[1] / 3)) ** 2
            + ((z - shape[2] // 2) / (shape[2] / 2.2)) ** 2
        ) <= 1
    return result


def cover_lungs(lungs: np.ndarray, *, context: int, max_voxels: int) -> list[LungPatch]:
    blocks = any_in_blocks(lungs, 8)
    return cover_blocks(blocks, stride=8, context=context, max_voxels=max_voxels)


@pytest.mark.parametrize("max_voxels", [40_000, 300_000, 10_000_000])
def test_every_lung_voxel_has_one_patch(max_voxels: int) -> None:
    lungs = two_lungs((101, 70, 93))
    seen = np.zeros(lungs.shape, int)
    patches = cover_lungs(lungs, context=8, max_voxels=max_voxels)
    for patch in patches:
        seen[patch.core] += 1
        for core, outer, size in zip(patch.core, patch.outer, (104, 72, 96), strict=True):
            assert core.start % 8 == core.stop % 8 == outer.start % 8 == outer.stop % 8 == 0
            assert outer.start == max(0, core.start - 8)
            assert outer.stop == min(size, core.stop + 8)
        assert patch.size <= max_voxels
    assert seen.max() == 1
    assert (seen[lungs] == 1).all()


def test_lungs_far_apart_are_not_one_patch() -> None:
    lungs = np.zeros((200, 32, 32), bool)
    lungs[:24, 4:20, 4:20] = lungs[176:, 4:20, 4:20] = True
    patches = cover_lungs(lungs, context=8, max_voxels=10**9)
    assert len(patches) == 2
    assert sum(p.size for p in patches) < lungs.size / 2


def test_a_patch_that_cannot_be_cut_stays_too_large() -> None:
    lungs = np.ones((8, 8, 8), bool)
    assert len(cover_lungs(lungs, context=16, max_voxels=1)) == 1


def test_no_lung_no_patch() -> None:
    assert cover_lungs(np.zeros((9, 9, 9), bool), context=8, max_voxels=100) == []


def test_a_patch_has_its_own_blocks_alone() -> None:
    lungs = two_lungs((101, 70, 93))
    blocks = any_in_blocks(lungs, 8)
    patches = cover_lungs(lungs, context=8, max_voxels=200_000)
    assert len(patches) > 2
    counted = sum(blocks_in(blocks, patch.core, 8).astype(int) for patch in patches)
    assert (counted == blocks).all()
    for patch in patches:
        inside = patch.within(patch.core)
        for part, core, outer in zip(inside, patch.core, patch.outer, strict=True):
            assert part.start == core.start - outer.start
            assert part.stop - part.start == core.stop - core.start
