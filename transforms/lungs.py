"""The lung region: where it is worth looking for nodules.

Found on a coarse grid by thresholds and shape, without a network. It errs on the large side:
nodules that touch the pleura, vessels and the hilum lie inside the region.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import (
    bounding_box,
    grown,
    grown_by_cross,
    opened_by_cross,
    shrunk,
)
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import BoolArray, LungRegion

COARSE_MM = 2.5
AIR_BELOW_HU = -400.0
OUTSIDE_AIR_BELOW_HU = -930.0
TISSUE_ABOVE_HU = -300.0
SMALLEST_LUNG_CORE_ML = 20.0
CORE_DEPTH_MM = 6.0
GAS_BELOW_HU = -960.0
CLOSING_MM = 18.0
MARGIN_MM = 4.0
LARGEST_HOLE_MM2 = 2500.0
WORTH_NOTICE_ML = 1.0
_ROUNDING_MM = 1e-3
"""Distances that are whole numbers of voxels come a little too large or too small."""


def axial_axis(geometry: Geometry) -> int:
    """The array axis (0, 1 or 2) that runs most nearly along the body, LPS z."""
    return int(np.argmax(np.abs(geometry.direction_irc[2])))


def coarsen(
    hu: NDArray[Any], geometry: Geometry, spacing_mm: float
) -> tuple[NDArray[np.float32], Geometry]:
    """Average blocks of whole voxels to about ``spacing_mm``; never finer than the input.

    Args:
        hu: shape (I, R, C).
        geometry: of ``hu``.
        spacing_mm: wanted spacing.

    Returns:
        float32 volume and its geometry.
    """
    factor = np.maximum(1, np.round(spacing_mm / np.asarray(geometry.spacing_irc_mm))).astype(int)
    size = np.maximum(1, np.asarray(hu.shape) // factor)
    factor = np.minimum(factor, np.asarray(hu.shape))
    fi, fr, fc = (int(f) for f in factor)
    si, sr, sc = (int(s) for s in size)
    result = np.empty((si, sr, sc), np.float32)
    for i in range(si):  # slab by slab: no float copy of the whole volume
        slab = np.ascontiguousarray(hu[i * fi : (i + 1) * fi, : sr * fr, : sc * fc])
        lines = torch.from_numpy(slab).float().view(fi * sr, fr, sc * fc)
        # Whole rows are added, which are long; of whole numbers every order gives the same sum.
        rows = _added(lines, 1, fr).view(fi, sr, sc * fc)
        rows = _added(rows, 0, fi).view(sr, sc, fc)
        result[i] = _added(rows, 2, fc).numpy()
    result /= fi * fr * fc
    affine = geometry.affine_lps.copy()
    affine[:3, :3] = geometry.affine_lps[:3, :3] * factor
    affine[:3, 3] = geometry.index_to_lps((factor - 1) / 2)
    return result, Geometry((si, sr, sc), affine)


def _added(values: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    total = values.select(axis, 0).clone()
    for k in range(1, count):
        total += values.select(axis, k)
    return total


def find_lungs(hu: NDArray[Any], geometry: Geometry) -> LungRegion | None:
    """Find the lungs.

    Air that is enclosed by the body in at least three of the four directions of its axial plane
    (so that a field of view that cuts the chest wall does no harm) and is neither outside air
    nor bowel gas, with the lung beyond it that the edge of the field of view leaves open; then
    closed by ``CLOSING_MM`` over vessels and nodules, holes filled.

    Args:
        hu: shape (I, R, C), Hounsfield units.
        geometry: of ``hu``.

    Returns:
        The region, or None where there is nothing like a lung.
    """
    coarse, grid = coarsen(hu, geometry, COARSE_MM)
    axis = axial_axis(grid)
    volume = np.moveaxis(coarse, axis, 0)
    spacing = np.asarray(
        [grid.spacing_irc_mm[a] for a in (axis, *[b for b in range(3) if b != axis])]
    )
    voxel_ml = grid.voxel_volume_mm3 / 1000.0

    body = _largest(opened_by_cross(volume > TISSUE_ABOVE_HU))
    outside = _outside_air(volume)
    inner = (volume < AIR_BELOW_HU) & ~outside
    enclosed = _sides_enclosed(body) >= 3
    air = opened_by_cross(inner & enclosed)
    upwards = bool(grid.direction_irc[2][axis] > 0)
    lungs = _lung_parts(air, volume, spacing, voxel_ml, upwards)
    if not lungs.any():
        return None
    beyond = inner & ~enclosed & grown_by_cross(lungs)
    field = _field(volume)
    if beyond.sum() * voxel_ml > WORTH_NOTICE_ML:
        where = np.flatnonzero(beyond.any(axis=(1, 2)))
        part = slice(int(where[0]), int(where[-1]) + 1)
        lungs[part] |= _to_the_edge(
            lungs[part], (inner & field)[part], body[part], (outside & field)[part]
        )

    closed = _fill_holes(_closing(lungs, spacing, CLOSING_MM), float(spacing[1] * spacing[2]))
    mask = grown(closed, spacing.tolist(), MARGIN_MM + _ROUNDING_MM)
    first, last, sides = (
        bool(part.sum() * voxel_ml > WORTH_NOTICE_ML)
        for part in (lungs[0], lungs[-1], lungs & _edge(field))
    )
    return LungRegion(
        np.moveaxis(mask, 0, axis), np.moveaxis(lungs, 0, axis), grid, (first, last), sides
    )


def lung_region(hu: NDArray[Any], geometry: Geometry) -> BoolArray:
    """The lung region on the grid of ``hu``, shape (I, R, C); empty where there is no lung."""
    region = find_lungs(hu, geometry)
    return np.zeros(hu.shape, bool) if region is None else region.on(geometry)


def _largest(mask: BoolArray) -> BoolArray:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _outside_air(volume: NDArray[np.float32]) -> BoolArray:
    """Air around the patient: reaches the border of its axial slice through air that is empty."""
    labels, outside = _in_plane_parts(volume < OUTSIDE_AIR_BELOW_HU)
    return np.asarray(outside[labels])


def _in_plane_parts(mask: BoolArray) -> tuple[NDArray[np.int32], BoolArray]:
    """Connected parts of each axial slice: labels, and which reach the slice's border.

    The last is by label; that of label 0, what is not in the mask, is false.
    """
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(mask, structure=in_plane)
    reaches = np.zeros(count + 1, bool)
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        reaches[border.ravel()] = True
    reaches[0] = False
    return labels, reaches


def _field(volume: NDArray[np.float32]) -> BoolArray:
    """The field of view, shape (1, R, C): outside a round one every slice has one same value.

    Without the voxels at its edge, which are the mean of what lies inside and outside.
    """
    constant = np.all(volume == volume[:1, :1, :1], axis=0)
    return ~grown_by_cross(constant[np.newaxis])


def _edge(field: BoolArray) -> BoolArray:
    """The outermost voxels of a field of view, shape (1, R, C)."""
    beyond = np.pad(~field[0], 1, constant_values=True)[np.newaxis]
    return np.asarray(field & grown_by_cross(beyond)[:, 1:-1, 1:-1])


def _to_the_edge(
    lungs: BoolArray, inner: BoolArray, body: BoolArray, open_air: BoolArray
) -> BoolArray:
    """The parts of lungs that the field of view cuts off from the chest wall.

    From there each of the four directions leads to the body or out of the field of view, and none
    into the air around the patient.
    """
    closed = inner.copy()
    ahead = body.astype(np.int8) - open_air  # what stops a look: 1 the body, -1 open air
    for axis in (1, 2):
        for way in (ahead, np.flip(ahead, axis)):
            place = np.arange(way.shape[axis], dtype=np.int16).reshape(-1, *[1] * (2 - axis))
            last = np.maximum.accumulate(np.where(way != 0, place, -1), axis=axis)
            met = np.take_along_axis(way, np.maximum(last, 0).astype(np.int64), axis)
            met[last < 0] = 0
            closed &= (met if way is ahead else np.flip(met, axis)) >= 0
    labels, count = ndimage.label(opened_by_cross(closed))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(labels[lungs])] = True
    kept[0] = False
    return np.asarray(kept[labels])


def _sides_enclosed(body: BoolArray) -> NDArray[np.int8]:
    """In how many of the four in-plane directions each voxel meets the body."""
    count = np.zeros(body.shape, np.int8)
    for axis in (1, 2):
        count += np.logical_or.accumulate(body, axis=axis)
        count += np.flip(np.logical_or.accumulate(np.flip(body, axis), axis=axis), axis)
    return count


def _lung_parts(
    air: BoolArray,
    volume: NDArray[np.float32],
    spacing: NDArray[np.float64],
    voxel_ml: float,
    upwards: bool,
) -> BoolArray:
    """Components that are large and thick enough to be lung, less the bowel gas that joins them.

    Judged by their core, what lies ``CORE_DEPTH_MM`` deep: folds of cloth and gaps at the skin
    have none, and bowel gas is emptier there than any lung but the largest component.
    """
    labels, count = ndimage.label(air)
    if count == 0:
        return air
    core = shrunk(air, spacing.tolist(), CORE_DEPTH_MM + _ROUNDING_MM)
    voxels, gas = _cores(labels, count, core, volume)
    keep = (voxels * voxel_ml >= SMALLEST_LUNG_CORE_ML) & (~gas | (voxels == voxels.max()))
    lungs = np.asarray(np.concatenate([[False], keep])[labels])
    gas_joined = _joined_gas(lungs, core & lungs, volume, spacing, voxel_ml, upwards)
    if not gas_joined.any():
        return lungs
    # What hung on the gas alone is judged by itself.
    return _lung_parts(lungs & ~gas_joined, volume, spacing, voxel_ml, upwards)


def _cores(
    labels: NDArray[np.int32], count: int, core: BoolArray, volume: NDArray[np.float32]
) -> tuple[NDArray[np.int64], BoolArray]:
    """For each label from 1 on: the voxels of its core, and whether these are as empty as gas."""
    voxels = np.bincount(labels[core], minlength=count + 1)[1:]
    total = np.bincount(labels[core], weights=volume[core], minlength=count + 1)[1:]
    return voxels, total < GAS_BELOW_HU * voxels


def _joined_gas(
    lungs: BoolArray,
    core: BoolArray,
    volume: NDArray[np.float32],
    spacing: NDArray[np.float64],
    voxel_ml: float,
    upwards: bool,
) -> BoolArray:
    """Bowel gas that a thin diaphragm does not part from a lung, but the cores do.

    Only what lies lower than the lungs' middle: a bulla in an upper lobe stays.
    """
    parts, count = ndimage.label(core)
    voxels, gas = _cores(parts, count, core, volume)
    gas &= voxels * voxel_ml >= SMALLEST_LUNG_CORE_ML
    if not gas.any() or gas.all():
        return np.zeros_like(lungs)
    height = np.asarray(
        ndimage.mean(np.arange(len(core))[:, None, None], parts, range(1, count + 1))
    )
    middle = np.average(height[~gas], weights=voxels[~gas])
    gas &= (height < middle) if upwards else (height > middle)
    if not gas.any():
        return np.zeros_like(lungs)
    # each voxel goes with the core that is nearest to it
    is_gas = np.concatenate([[False], gas])
    box = bounding_box(is_gas[parts], np.ceil(4 * CORE_DEPTH_MM / spacing).astype(int).tolist())
    nearest = ndimage.distance_transform_edt(
        ~core[box], spacing, return_distances=False, return_indices=True
    )
    result = np.zeros_like(lungs)
    result[box] = is_gas[parts[box][tuple(nearest)]]
    return result


def _closing(mask: BoolArray, spacing: NDArray[np.float64], radius_mm: float) -> BoolArray:
    """Closing by a ball in the mask's box; padded, so that the edge does not erode."""
    pad = np.ceil(radius_mm / spacing).astype(int) + 1
    box = bounding_box(mask)
    padded = np.pad(mask[box], [(int(p), int(p)) for p in pad])
    radius_mm += _ROUNDING_MM
    edges = spacing.tolist()
    closed = shrunk(grown(padded, edges, radius_mm), edges, radius_mm)
    result = mask.copy()
    result[box] |= closed[tuple(slice(int(p), -int(p)) for p in pad)]
    return result


def _fill_holes(mask: BoolArray, pixel_mm2: float) -> BoolArray:
    """Fill what lung encloses within an axial slice up to a large mass; never the mediastinum."""
    labels, outside = _in_plane_parts(~mask)
    small = np.bincount(labels.ravel()) * pixel_mm2 <= LARGEST_HOLE_MM2
    small[0] = False
    return np.asarray(mask | (small & ~outside)[labels])
