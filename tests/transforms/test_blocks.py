"""Connected components and occupied blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.transforms.blocks import any_in_blocks, connected_components


@pytest.mark.parametrize("share", [0.0, 0.002, 0.03, 1.0])
@pytest.mark.parametrize("edge", [4, 16])
def test_groups_are_those_of_scipy(share: float, edge: int) -> None:
    mask = np.random.default_rng(3).random((33, 20, 47)) < share
    labels, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    found = list(connected_components(mask, edge))
    assert len(found) == count
    seen = np.zeros(mask.shape, int)
    for box, own in found:
        (label,) = np.unique(labels[box][own])
        assert box == ndimage.find_objects(labels)[label - 1]
        seen[box][own] += 1
    np.testing.assert_array_equal(seen, mask)


def test_a_block_holds_something_where_one_voxel_does() -> None:
    mask = np.zeros((5, 4, 9), bool)
    mask[4, 3, 8] = True
    blocks = any_in_blocks(mask, 4)
    assert blocks.shape == (2, 1, 3)
    assert np.argwhere(blocks).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize("edge", [1, 3, 8, 40])
def test_blocks_of_any_edge_and_any_order_in_memory(edge: int) -> None:
    mask = np.random.default_rng(4).random((17, 9, 30)) < 0.02
    expected = mask
    for axis in range(3):
        starts = np.arange(0, mask.shape[axis], edge)
        expected = np.logical_or.reduceat(expected, starts, axis=axis)
    np.testing.assert_array_equal(any_in_blocks(mask, edge), expected)
    turned = np.asfortranarray(mask)
    np.testing.assert_array_equal(any_in_blocks(turned, edge), expected)
