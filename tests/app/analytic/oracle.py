"""Sizes of a mask, worked out the long way round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from .chest_model import Floats


def rims(mask: NDArray[np.bool_], affine: Floats) -> list[Floats]:
    """For each plane nearest to axial the points half-way between a voxel inside and its
    neighbour outside, LPS mm."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    along = int(np.argmax(np.abs(directions[2])))
    found = []
    for k in np.unique(np.nonzero(mask)[along]):
        plane = np.take(mask, k, axis=along)
        points = []
        for r, c in np.argwhere(plane):
            for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                inside = 0 <= r + dr < plane.shape[0] and 0 <= c + dc < plane.shape[1]
                if not (inside and plane[r + dr, c + dc]):
                    points.append(np.insert([r + dr / 2, c + dc / 2], along, float(k)))
        found.append(np.asarray(points) @ affine[:3, :3].T + affine[:3, 3])
    return found


def longest_mm(mask: NDArray[np.bool_], affine: Floats) -> float:
    """The longest axial diameter."""
    return max(float(cdist(rim, rim).max()) for rim in rims(mask, affine))


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the pieces whose voxels share faces."""
    pieces, count = ndimage.label(mask)
    sizes = [np.count_nonzero(pieces == n) for n in range(1, count + 1)]
    return np.asarray(pieces == 1 + int(np.argmax(sizes)))
