"""Air inside the chest, told from the air around the patient and from gas of the bowel.

All arrays have axes (z, y, x) to the head, the back and the left, as
:class:`nodulus.transforms.body_axes.BodyAxes` turns them, and voxels of a few millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import (
    BoolArray,
    bounding_box,
    dilate_by_cross,
    erode,
    open_by_cross,
)

PADDING_HU = -1024.0
ROUNDING_MM = 1e-3
"""Distances that are whole numbers of voxels come a little too large or too small."""


@dataclass(frozen=True)
class AirRule:
    """What counts as air, and which air as lung.

    Args:
        air_below_hu: air, that of the lungs among it.
        outside_below_hu: air around the patient.
        tissue_above_hu: soft tissue and bone.
        padding_within_hu: padding is one value; lossy compression blurs it by so much.
        padding_share: of the slices, whose corners agree where slices are padded.
        smallest_core_ml: a lung's core is at least so large.
        core_depth_mm: what lies so deep in air is its core.
        gas_below_hu: mean of a core of bowel gas.
        notable_ml: less air than this is neglected.
    """

    air_below_hu: float
    outside_below_hu: float
    tissue_above_hu: float
    padding_within_hu: float
    padding_share: float
    smallest_core_ml: float
    core_depth_mm: float
    gas_below_hu: float
    notable_ml: float


@dataclass(frozen=True, eq=False)
class ChestAir:
    """What thresholds and shape tell of a chest.

    Args:
        body: the patient's soft tissue and bone, with what touches it.
        outside: air around the patient, as far as it reaches the edge of its axial slice.
        inner: all other air, that of the lungs among it.
        enclosed: where three or four of the directions in the axial plane lead to the body.
        field: the field of view, shape (1, Y, X).
    """

    body: BoolArray
    outside: BoolArray
    inner: BoolArray
    enclosed: BoolArray
    field: BoolArray

    def cropped(self, box: tuple[slice, slice, slice]) -> ChestAir:
        """The same in a box."""
        return ChestAir(
            self.body[box],
            self.outside[box],
            self.inner[box],
            self.enclosed[box],
            self.field[:, box[1], box[2]],
        )


def without_padding(volume: NDArray[np.float32], rule: AirRule) -> NDArray[np.float32]:
    """The volume with air where its slices are padded with another value.

    Scanners fill what lies outside of a round field of view with a value of its own, which need
    not be that of air (DICOM PS3.3 C.7.5.1.1.2, Pixel Padding Value). It is known by the corners,
    three of which agree in most slices, and goes as far as it is connected with them; one voxel
    more, which is the mean of both sides.
    """
    corners = np.sort(volume[:, [0, 0, -1, -1], [0, -1, 0, -1]], axis=1)
    first, second = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    value = np.where(first <= second, corners[:, 1], corners[:, 2])
    agree = np.minimum(first, second) <= rule.padding_within_hu
    if agree.mean() < rule.padding_share or np.median(value[agree]) < rule.outside_below_hu:
        return volume
    labels, reaches = in_plane_parts(
        np.abs(volume - value[:, None, None]) <= rule.padding_within_hu
    )
    return np.where(dilate_by_cross(reaches[labels]), np.float32(PADDING_HU), volume)


def chest_air(volume: NDArray[np.float32], rule: AirRule) -> ChestAir:
    """Tell the body, the air around it and the air within, by thresholds and enclosure."""
    body = largest(open_by_cross(volume > rule.tissue_above_hu))
    # Air around the patient reaches the border of its axial slice through air that is empty.
    labels, reaches = in_plane_parts(volume < rule.outside_below_hu)
    outside = np.asarray(reaches[labels])
    inner = (volume < rule.air_below_hu) & ~outside
    return ChestAir(body, outside, inner, sides_enclosed(body) >= 3, field_of_view(volume))


def largest(mask: BoolArray) -> BoolArray:
    """The largest connected part of a mask."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def in_plane_parts(mask: BoolArray) -> tuple[NDArray[np.int32], BoolArray]:
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


def field_of_view(volume: NDArray[np.float32]) -> BoolArray:
    """The field of view, shape (1, Y, X): outside a round one every slice has one same value.

    Without the voxels at its edge, which are the mean of what lies inside and outside.
    """
    constant = np.all(volume == volume[:1, :1, :1], axis=0)
    return ~dilate_by_cross(constant[np.newaxis])


def field_edge(field: BoolArray) -> BoolArray:
    """The outermost voxels of a field of view, shape (1, Y, X)."""
    beyond = np.pad(~field[0], 1, constant_values=True)[np.newaxis]
    return np.asarray(field & dilate_by_cross(beyond)[:, 1:-1, 1:-1])


def to_the_field_edge(lungs: BoolArray, air: ChestAir, voxel_ml: float, rule: AirRule) -> BoolArray:
    """The lungs with the parts that the field of view cuts off from the chest wall.

    From there each of the four directions leads to the body or out of the field of view, and none
    into the air around the patient.
    """
    beyond = air.inner & ~air.enclosed & dilate_by_cross(lungs)
    if beyond.sum() * voxel_ml <= rule.notable_ml:
        return lungs
    where = np.flatnonzero(beyond.any(axis=(1, 2)))
    part = slice(int(where[0]), int(where[-1]) + 1)
    closed = (air.inner & air.field)[part]
    # what stops a look: 1 the body, -1 open air
    ahead = air.body[part].astype(np.int8) - (air.outside & air.field)[part]
    for axis in (1, 2):
        for way in (ahead, np.flip(ahead, axis)):
            place = np.arange(way.shape[axis], dtype=np.int16).reshape(-1, *[1] * (2 - axis))
            last = np.maximum.accumulate(np.where(way != 0, place, -1), axis=axis)
            met = np.take_along_axis(way, np.maximum(last, 0).astype(np.int64), axis)
            met[last < 0] = 0
            closed &= (met if way is ahead else np.flip(met, axis)) >= 0
    labels, count = ndimage.label(open_by_cross(closed))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(labels[lungs[part]])] = True
    kept[0] = False
    result = lungs.copy()
    result[part] |= kept[labels]
    return result


def sides_enclosed(body: BoolArray) -> NDArray[np.int8]:
    """In how many of the four in-plane directions each voxel meets the body."""
    count = np.zeros(body.shape, np.int8)
    for axis in (1, 2):
        count += np.logical_or.accumulate(body, axis=axis)
        count += np.flip(np.logical_or.accumulate(np.flip(body, axis), axis=axis), axis)
    return count


def cores(air: BoolArray, spacing: NDArray[np.float64], depth_mm: float) -> BoolArray:
    """What lies so deep in a mask."""
    return erode(air, spacing.tolist(), depth_mm + ROUNDING_MM)


def lung_parts(
    air: BoolArray,
    volume: NDArray[np.float32],
    spacing: NDArray[np.float64],
    voxel_ml: float,
    rule: AirRule,
) -> BoolArray:
    """Components that are large and thick enough to be lung, less the bowel gas that joins them.

    Judged by their core: folds of cloth and gaps at the skin have none, and bowel gas is emptier
    there than any lung but the largest component.
    """
    labels, count = ndimage.label(air)
    if count == 0:
        return air
    core = cores(air, spacing, rule.core_depth_mm)
    voxels, gas = _core_sizes(labels, count, core, volume, rule.gas_below_hu)
    keep = (voxels * voxel_ml >= rule.smallest_core_ml) & (~gas | (voxels == voxels.max()))
    lungs = np.asarray(np.concatenate([[False], keep])[labels])
    gas_joined = _joined_gas(lungs, core & lungs, volume, spacing, voxel_ml, rule)
    if not gas_joined.any():
        return lungs
    # What hung on the gas alone is judged by itself.
    return lung_parts(lungs & ~gas_joined, volume, spacing, voxel_ml, rule)


def nearest_core(
    parts: NDArray[np.int32], picked: BoolArray, spacing: NDArray[np.float64], depth_mm: float
) -> BoolArray:
    """The voxels nearer to one of the picked cores than to any other, a little way around.

    Args:
        parts: labels of the cores.
        picked: by label.
        spacing: mm.
        depth_mm: of the cores.
    """
    result = np.zeros(parts.shape, bool)
    margin = np.ceil(4 * depth_mm / spacing).astype(int).tolist()
    box = bounding_box(picked[parts], margin)
    nearest = ndimage.distance_transform_edt(
        parts[box] == 0, spacing, return_distances=False, return_indices=True
    )
    result[box] = picked[parts[box][tuple(nearest)]]
    return result


def _core_sizes(
    labels: NDArray[np.int32],
    count: int,
    core: BoolArray,
    volume: NDArray[np.float32],
    gas_below_hu: float,
) -> tuple[NDArray[np.int64], BoolArray]:
    """For each label from 1 on: the voxels of its core, and whether these are as empty as gas."""
    inside = labels[core]
    voxels = np.bincount(inside, minlength=count + 1)[1:]
    total: NDArray[Any] = np.bincount(inside, weights=volume[core], minlength=count + 1)[1:]
    return voxels, total < gas_below_hu * voxels


def _joined_gas(
    lungs: BoolArray,
    core: BoolArray,
    volume: NDArray[np.float32],
    spacing: NDArray[np.float64],
    voxel_ml: float,
    rule: AirRule,
) -> BoolArray:
    """Bowel gas that a thin diaphragm does not part from a lung, but the cores do.

    Only what lies lower than the lungs' middle: a bulla in an upper lobe stays.
    """
    nothing = np.zeros_like(lungs)
    empty = np.count_nonzero(core & (volume < rule.gas_below_hu))
    if empty * voxel_ml < rule.smallest_core_ml / 2:
        return nothing
    parts, count = ndimage.label(core)
    voxels, gas = _core_sizes(parts, count, core, volume, rule.gas_below_hu)
    gas &= voxels * voxel_ml >= rule.smallest_core_ml
    if not gas.any() or gas.all():
        return nothing
    height = np.asarray(
        ndimage.mean(np.arange(len(core))[:, None, None], parts, range(1, count + 1))
    )
    middle = np.average(height[~gas], weights=voxels[~gas])
    gas &= height < middle
    if not gas.any():
        return nothing
    return lungs & nearest_core(parts, np.concatenate([[False], gas]), spacing, rule.core_depth_mm)
