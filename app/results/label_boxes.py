"""Where labels lie in a volume that is nearly empty: most of it is passed by row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.unsignedinteger[Any]]


def labelled_voxels(labels: Labels) -> tuple[NDArray[np.intp], Labels]:
    """Find the voxels that have a label.

    Args:
        labels: shape (I, R, C).

    Returns:
        Their indices, shape (3, voxels), and their labels, in the volume's order.
    """
    planes, rows = np.nonzero(labels.max(axis=2, initial=0))
    held = labels[planes, rows]
    row, columns = np.nonzero(held)
    return np.stack([planes[row], rows[row], columns]), held[row, columns]


def boxes_by_label(labels: Labels) -> dict[int, tuple[slice, ...]]:
    """Give the bounding box of each label that has a voxel; shape (I, R, C)."""
    index, values = labelled_voxels(labels)
    numbers, place = np.unique(values, return_inverse=True)
    low = np.full((3, len(numbers)), np.iinfo(np.intp).max)
    high = np.zeros((3, len(numbers)), np.intp)
    for axis in range(3):
        np.minimum.at(low[axis], place, index[axis])
        np.maximum.at(high[axis], place, index[axis] + 1)
    return {
        int(number): tuple(
            slice(int(a), int(b)) for a, b in zip(low[:, n], high[:, n], strict=True)
        )
        for n, number in enumerate(numbers)
    }


def planes_by_label(labels: Labels) -> dict[int, list[int]]:
    """Give, for each label, the first indices at which it has a voxel; shape (I, R, C)."""
    index, values = labelled_voxels(labels)
    found: dict[int, list[int]] = {}
    for label, plane in np.unique(np.stack([values.astype(np.intp), index[0]]), axis=1).T.tolist():
        found.setdefault(label, []).append(plane)
    return found
