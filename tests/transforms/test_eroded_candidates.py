"""Candidates of an eroded mask, grown back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.transforms.eroded_candidates import group_eroded

AFFINE = np.diag([3.0, 0.5, 0.5, 1.0])


@pytest.fixture
def probability() -> np.ndarray:
    """A block, a smaller one hung on by a thread, and a speck."""
    p = np.zeros((12, 20, 20), np.float32)
    p[2:7, 2:9, 2:9] = 0.9
    p[3:6, 12:16, 4:8] = 0.8
    p[4, 9:12, 5] = 0.7
    p[9, 15, 15] = 1.0
    return p


def test_threads_and_specks_vanish_and_blocks_grow_back(probability: np.ndarray) -> None:
    block, small = group_eroded(probability, AFFINE, threshold=0.5, erosions=1)
    # by a 6-neighbour step the block's own voxels come back, but for its edges
    assert block.peak_probability == pytest.approx(0.9)
    # the thread guards the one voxel where it meets a block: 76 and 5 voxels are left
    row = (75 * 5 + 8) / 76
    assert block.center_index == pytest.approx((4, row, 5))
    assert block.center_mm == pytest.approx((12, row / 2, 2.5))
    assert 3 * 5 * 5 < block.mask.sum() < 5 * 7 * 7 + 3
    assert small.center_index == pytest.approx((4, 13.2, 5.4))
    assert block.volume_mm3 == pytest.approx(block.mask.sum() * 0.75)


def test_the_centre_is_the_centre_of_mass_of_the_core(probability: np.ndarray) -> None:
    weight = np.random.default_rng(0).uniform(1, 2000, probability.shape)
    core, count = ndimage.label(ndimage.binary_erosion(probability >= 0.5))
    expected = sorted(ndimage.center_of_mass(weight, core, np.arange(1, count + 1)))
    found = group_eroded(probability, np.eye(4), threshold=0.5, erosions=1, weight=weight)
    assert sorted(c.center_index for c in found) == [pytest.approx(e) for e in expected]


def test_the_grown_mask_stays_within_the_threshold(probability: np.ndarray) -> None:
    for candidate in group_eroded(probability, AFFINE, threshold=0.5, erosions=2):
        assert (probability[candidate.box][candidate.mask] >= 0.5).all()


def test_the_edge_of_the_volume_is_eroded_and_put_back() -> None:
    (whole,) = group_eroded(np.ones((5, 5, 5)), np.eye(4), threshold=0.5, erosions=1)
    assert whole.mask.shape == (5, 5, 5)
    assert whole.mask[0, 2, 2]


def test_a_region_takes_what_lies_outside_away(probability: np.ndarray) -> None:
    region = np.zeros(probability.shape, bool)
    region[:, 10:] = True
    (small,) = group_eroded(probability, AFFINE, threshold=0.5, erosions=1, region=region)
    assert small.peak_probability == pytest.approx(0.8)


def test_nothing_gives_nothing() -> None:
    assert group_eroded(np.zeros((3, 3, 3)), np.eye(4), threshold=0.5, erosions=1) == []
