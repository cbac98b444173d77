"""A candidate's voxels on the scanner's own grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.candidates import Candidate
from nodulus.transforms.closed_lungs import LungBound
from nodulus.transforms.connected_part import part_with_most_of
from nodulus.transforms.density_outline import DensityOutlineRule, density_outline
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import Geometry


def outline_of(
    candidate: Candidate,
    probability: NDArray[np.float32],
    grid: Geometry,
    volume: CtVolume,
    threshold: float,
    rule: DensityOutlineRule | None,
    bound: LungBound | None = None,
) -> tuple[Box, NDArray[np.bool_]]:
    """Outline a candidate: where the network sees it, its border where the density says.

    Args:
        candidate: on the networks' grid.
        probability: shape of ``grid``.
        grid: the networks' grid, array axes as ``probability`` has them.
        volume: as it was read.
        threshold: of the probability.
        rule: of the border; None where it runs along the threshold.
        bound: the lungs, beyond which no nodule goes; None where it may.

    Returns:
        The box of the volume and the mask in it; at least one voxel.
    """
    target = volume.geometry
    margin_mm = 0.0 if rule is None else rule.margin_mm
    box, values = _native_probability(candidate, probability, grid, target, margin_mm)
    seen = _cut(values, candidate, box, grid, target, threshold)
    part = target.cropped([s.start for s in box], seen.shape)
    within = None if bound is None else bound.within(seen, part)
    if rule is None:
        return box, seen if within is None else part_with_most_of(seen & within, seen)
    spacing_mm = target.spacing_irc_mm
    return box, density_outline(volume.hu[box], values, seen, spacing_mm, rule, within)


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
    box, values = _native_probability(candidate, probability, grid, target, 0.0)
    return box, _cut(values, candidate, box, grid, target, threshold)


def mask_diameter_mm(mask: NDArray[np.bool_], geometry: Geometry) -> float:
    """Diameter of the ball of a mask's volume.

    Args:
        mask: on the volume's grid, or a part of it.
        geometry: of the volume.
    """
    return equivalent_diameter_mm(np.count_nonzero(mask) * geometry.voxel_volume_mm3)


def _native_probability(
    candidate: Candidate,
    probability: NDArray[np.float32],
    grid: Geometry,
    target: Geometry,
    margin_mm: float,
) -> tuple[Box, NDArray[np.float64]]:
    """The candidate's own probability on the volume's grid, in a box around it."""
    low = np.array([s.start for s in candidate.box]) - 1.0
    high = np.array([s.stop for s in candidate.box], dtype=float)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    ends = target.lps_to_index(grid.index_to_lps(corners))
    shape = np.asarray(target.shape_irc)
    margin = margin_mm / np.asarray(target.spacing_irc_mm)
    start = np.clip(np.floor(ends.min(axis=0) - margin), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(ends.max(axis=0) + margin) + 1, start + 1, shape).astype(int)
    axes = [np.arange(a, b, dtype=np.float64) for a, b in zip(start, stop, strict=True)]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    at = grid.lps_to_index(target.index_to_lps(index)) - low
    own = np.pad(np.where(candidate.mask, probability[candidate.box], 0.0), 1)
    values = ndimage.map_coordinates(own, np.moveaxis(at, -1, 0), order=1, mode="constant")
    return box_between(start, stop), np.asarray(values, dtype=np.float64)


def _cut(
    values: NDArray[np.float64],
    candidate: Candidate,
    box: Box,
    grid: Geometry,
    target: Geometry,
    threshold: float,
) -> NDArray[np.bool_]:
    mask = values >= threshold
    if not mask.any():  # thinner than a native voxel: the nearest one stands for it
        start = np.array([s.start for s in box])
        center = target.lps_to_index(grid.index_to_lps(candidate.center_index))
        nearest = np.clip(np.round(center).astype(int) - start, 0, np.array(mask.shape) - 1)
        mask[tuple(nearest)] = True
    return np.asarray(mask)
