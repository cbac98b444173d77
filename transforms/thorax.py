"""The patient's mid-plane, and how far the chest reaches around the lungs that are seen.

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from skimage.draw import polygon

from nodulus.transforms.ball_morphology import BoolArray, bounding_box, dilate
from nodulus.transforms.lung_air import AirRule, cores, nearest_core

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ChestRule:
    """How the spine is looked for, and what lies beside the chest.

    Args:
        bone_above_hu: bone.
        bone_sigma_mm: by which the columns of bone are smoothed, along z and x.
        spine_within_mm: of the middle.
        least_bone_mm: in the column of a slice that shows the spine.
        least_spine_mm: the height of the slices that show it; with less there is no line.
        one_lung_off_mm: the lungs' middle is so far off the body's where there is one lung.
        most_slope: of the line, voxels across a voxel along the body.
        above_and_below_mm: the chest goes on so far beyond the lungs that are seen.
        around_mm: the same in plane.
        central_depth: of the body's half depth; the largest part lies nearer to its middle.
        central_width: the same across.
        main_share: of the largest part; a smaller one is not the chest's.
        inside_share: of a part, in the chest; with less it lies beside it.
    """

    bone_above_hu: float
    bone_sigma_mm: tuple[float, float]
    spine_within_mm: float
    least_bone_mm: float
    least_spine_mm: float
    one_lung_off_mm: float
    most_slope: float
    above_and_below_mm: float
    around_mm: float
    central_depth: float
    central_width: float
    main_share: float
    inside_share: float


def mid_plane(
    volume: NDArray[np.float32],
    body: BoolArray,
    lungs: BoolArray,
    spacing: FloatArray,
    rule: ChestRule,
) -> FloatArray:
    """The x index of the sagittal mid-plane at each z: a line along the spine.

    In each axial slice the spine is the column with most bone behind the middle of the lungs; a
    line is laid through them (Theil, Proc. Kon. Ned. Akad. Wetensch. 53:386-392, 1950; Sen, JASA
    63:1379-1389, 1968). It is looked for around the middle between the lungs' outer edges, or the
    body's where these differ, as with one lung; that is the answer where hardly any bone is seen.

    Args:
        volume: HU.
        body: soft tissue and bone.
        lungs: at least one voxel.
        spacing: mm along z, y, x.
        rule: how the spine is known.
    """
    box = bounding_box(lungs)
    middle = (box[2].start + box[2].stop - 1) / 2.0
    columns_of_body = np.flatnonzero(body[box[0]].any(axis=(0, 1)))
    if len(columns_of_body):
        of_body = float(columns_of_body[0] + columns_of_body[-1]) / 2.0
        middle = of_body if abs(of_body - middle) * spacing[2] > rule.one_lung_off_mm else middle
    reach = rule.spine_within_mm / spacing[2]
    columns = slice(max(0, round(middle - reach)), round(middle + reach) + 1)
    part = (box[0], slice((box[1].start + box[1].stop) // 2, None), columns)
    bone = ((volume[part] > rule.bone_above_hu) & body[part]).sum(axis=1, dtype=np.float32)
    along, across = rule.bone_sigma_mm
    bone = ndimage.gaussian_filter(bone, (along / spacing[0], across / spacing[2]), mode="nearest")
    most = bone.max(axis=1)
    clear = np.flatnonzero(most * spacing[1] > rule.least_bone_mm)
    heights = np.arange(len(volume), dtype=np.float64)
    if len(clear) * spacing[0] < rule.least_spine_mm:
        return np.full(len(volume), middle)
    chosen = clear[:: max(1, len(clear) // 40)]
    z, x = chosen + box[0].start, np.argmax(bone[chosen], axis=1) + columns.start
    first, second = np.triu_indices(len(z), 1)
    slope = float(np.median((x[second] - x[first]) / (z[second] - z[first])))
    slope = min(max(slope, -rule.most_slope), rule.most_slope)
    return np.asarray(np.median(x - slope * z) + slope * heights)


def outside_chest(
    lungs: BoolArray,
    body: BoolArray,
    middle: FloatArray,
    spacing: FloatArray,
    voxel_ml: float,
    *,
    rule: ChestRule,
    air: AirRule,
) -> BoolArray:
    """The parts of supposed lungs that lie beside the chest: air that an object closes in.

    The chest is the convex hull, slice by slice, of the largest part in the body's middle and its
    mirror image, with a margin in plane and up and down. Parts are told by their cores.

    Args:
        lungs: air that may be lung.
        body: soft tissue and bone.
        middle: from :func:`mid_plane`.
        spacing: mm along z, y, x.
        voxel_ml: volume of a voxel.
        rule: how far the chest goes.
        air: what counts as a core.
    """
    nothing = np.zeros_like(lungs)
    parts, count = ndimage.label(cores(lungs, spacing, air.core_depth_mm) & lungs)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    notable = np.flatnonzero(sizes * voxel_ml >= air.notable_ml)
    if len(notable) < 2:
        return nothing
    main = _main_part(parts, sizes, notable, body, rule)
    reach = round(rule.above_and_below_mm / spacing[0])
    seen = parts == main
    some = np.zeros_like(seen)
    some[:: max(1, reach // 3)] = seen[:: max(1, reach // 3)]
    chest = _hulls(some | mirrored(some, middle))
    chest = ndimage.maximum_filter1d(chest.view(np.uint8), 2 * reach + 1, axis=0).view(bool)
    chest = dilate(chest, spacing.tolist(), rule.around_mm + air.core_depth_mm)
    inside = np.bincount(parts[chest], minlength=count + 1)
    beside = (sizes > 0) & (inside < rule.inside_share * sizes)
    if not beside.any():
        return nothing
    return lungs & nearest_core(parts, beside, spacing, air.core_depth_mm)


def mirrored(mask: BoolArray, middle: FloatArray) -> BoolArray:
    """The mirror image of a mask on the other side of the mid-plane."""
    result = np.zeros_like(mask)
    width = mask.shape[2]
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        shift = round(2 * middle[z]) - (width - 1)
        to = slice(max(0, shift), min(width, width + shift))
        source = slice(max(0, -shift), min(width, width - shift))
        if to.start < to.stop:
            result[z, :, to] = mask[z, :, ::-1][:, source]
    return result


def _main_part(
    parts: NDArray[np.int32],
    sizes: NDArray[np.int64],
    notable: NDArray[np.int64],
    body: BoolArray,
    rule: ChestRule,
) -> int:
    """The largest part that lies in the body's middle; else the largest."""
    by_size = sorted(notable.tolist(), key=lambda label: -int(sizes[label]))
    for label in by_size:
        if sizes[label] < rule.main_share * sizes[by_size[0]]:
            break
        center = np.argwhere(parts == label).mean(axis=0)
        level = body[round(center[0])]
        if not level.any():
            continue
        low, high = np.percentile(np.argwhere(level), (1, 99), axis=0)
        off = np.abs(center[1:] - (low + high) / 2) / np.maximum(1.0, (high - low) / 2)
        if off[0] <= rule.central_depth and off[1] <= rule.central_width:
            return int(label)
    return int(by_size[0])


def _hulls(mask: BoolArray) -> BoolArray:
    """The convex hull of each slice."""
    result = mask.copy()
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        rows = np.flatnonzero(mask[z].any(axis=1))
        first = mask[z][rows].argmax(axis=1)
        last = mask.shape[2] - 1 - mask[z][rows, ::-1].argmax(axis=1)
        points = np.stack([np.tile(rows, 2), np.concatenate([first, last])], axis=1)
        try:
            corners = points[ConvexHull(points).vertices]
        except QhullError:  # a line or a point
            continue
        result[z][polygon(corners[:, 0], corners[:, 1], mask.shape[1:])] = True
    return result
