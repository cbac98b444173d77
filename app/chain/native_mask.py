"""A candidate's voxels on the scanner's own grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.candidates import Candidate
from nodulus.transforms.geometry import Geometry


def native_mask(
    candidate: Candidate,
    probability: NDArray[np.float32],
    grid: Geometry,
    target: Geometry,
    threshold: float,
) -> tuple[Box, NDArray[np.bool_]]:
    """Carry a candidate from the networks' grid to the volume's.

    The probability of the candidate alone is interpolated linearly at each native voxel and cut at
    the threshold, so that the outline is finer than the networks' voxels.

    Args:
        candidate: on the networks' grid.
        probability: shape of ``grid``.
        grid: the networks' grid, array axes as ``probability`` has them.
        target: the volume's geometry.
        threshold: of the probability.

    Returns:
        The box of the volume and the mask in it; at least one voxel.
    """
    low = np.array([s.start for s in candidate.box]) - 1.0
    high = np.array([s.stop for s in candidate.box], dtype=float)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    ends = target.lps_to_index(grid.index_to_lps(corners))
    shape = np.asarray(target.shape_irc)
    start = np.clip(np.floor(ends.min(axis=0)), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(ends.max(axis=0)) + 1, start + 1, shape).astype(int)
    box = box_between(start, stop)

    axes = [np.arange(a, b, dtype=np.float64) for a, b in zip(start, stop, strict=True)]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    at = grid.lps_to_index(target.index_to_lps(index)) - low
    own = np.pad(np.where(candidate.mask, probability[candidate.box], 0.0), 1)
    values = ndimage.map_coordinates(own, np.moveaxis(at, -1, 0), order=1, mode="constant")
    mask = values >= threshold
    if not mask.any():  # thinner than a native voxel: the nearest one stands for it
        center = target.lps_to_index(grid.index_to_lps(candidate.center_index))
        nearest = np.clip(np.round(center).astype(int), start, stop - 1) - start
        mask[tuple(nearest)] = True
    return box, np.asarray(mask)
