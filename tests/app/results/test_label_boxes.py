"""Boxes, voxels and planes of labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.app.results.label_boxes import boxes_by_label, labelled_voxels, planes_by_label


def sparse(dtype: str) -> np.ndarray:
    """Boxes that overlap, touch the ends and lie in parts; label 3 is missing."""
    labels = np.zeros((9, 20, 31), dtype)
    labels[0:2, 0:3, 0:4] = 1
    labels[4:9, 10:20, 25:31] = 2
    labels[5, 11, 26] = 4
    labels[8, 0, 0] = 4
    return labels


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_boxes_are_scipys(dtype: str) -> None:
    labels = sparse(dtype)
    expected = {n: b for n, b in enumerate(ndimage.find_objects(labels), start=1) if b is not None}
    assert boxes_by_label(labels) == expected
    assert set(expected) == {1, 2, 4}
    assert boxes_by_label(labels.transpose(2, 0, 1)[::-1]) == {
        n: b
        for n, b in enumerate(ndimage.find_objects(labels.transpose(2, 0, 1)[::-1]), start=1)
        if b is not None
    }


def test_voxels_and_planes() -> None:
    labels = sparse("uint8")
    index, values = labelled_voxels(labels)
    np.testing.assert_array_equal(index, np.nonzero(labels))
    np.testing.assert_array_equal(values, labels[labels > 0])
    assert planes_by_label(labels) == {1: [0, 1], 2: [4, 5, 6, 7, 8], 4: [5, 8]}


@pytest.mark.parametrize("shape", [(4, 5, 6), (0, 5, 6), (4, 5, 0)])
def test_nothing_labelled_is_nowhere(shape: tuple[int, int, int]) -> None:
    labels = np.zeros(shape, np.uint8)
    assert boxes_by_label(labels) == planes_by_label(labels) == {}
