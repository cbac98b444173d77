"""Calcium, fat and air in a nodule, by Hounsfield units.

They tell where a reader should look; none of them is taken for a benign sign by itself. A guideline
asks for calcium in a benign pattern (diffuse, central, laminated, popcorn); the first three can be
told from the place of calcified voxels, every other pattern is ``OTHER``: the chunks of a popcorn
pattern are not told apart by Hounsfield units from the stippled calcium of a carcinoid. Fat is -40
to -120 HU (Siegelman et al., Radiology 160:313-317, 1986); where soft tissue and air share a voxel
it has such values too, so that fat is to be looked for in the core of solid nodules alone. The
volume of a
cavity leaves out the voxels at its wall: of a cavity of 12 mm about a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, label

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lungs import axial_axis
from nodulus.transforms.texture_class import check_nodule, core

BoolArray = NDArray[np.bool_]


class Calcification(str, Enum):
    """Where the calcified voxels of a nodule lie."""

    NONE = "none"
    COMPLETE = "complete"
    CENTRAL = "central"
    CONCENTRIC = "concentric"
    OTHER = "other"


@dataclass(frozen=True)
class ContentsRule:
    """What counts.

    Args:
        calcified_hu: a voxel above it is calcified.
        complete_share: from this share of calcified voxels of the core on it is complete.
        central_depth: a voxel is central from this share of the greatest depth on.
        central_share: of the calcified voxels, the least that lie there in a central pattern.
        enclosed_share: of the nodule's voxels, the least without calcium that a concentric ring
            encloses.
        fat_hu: a voxel between them is fat.
        air_hu: a voxel below it is air.
        border_mm: the core begins this far from the nearest voxel outside.
        least_core_voxels: of the core, where the nodule has so many: the deepest ones.
        least_voxels: smaller connected pieces are noise.
    """

    calcified_hu: float
    complete_share: float
    central_depth: float
    central_share: float
    enclosed_share: float
    fat_hu: tuple[float, float]
    air_hu: float
    border_mm: float
    least_core_voxels: int
    least_voxels: int


@dataclass(frozen=True)
class Contents:
    """What a nodule holds.

    Args:
        calcification: the pattern.
        fat_share: of the core's voxels, 0 to 1; pieces that are too small do not count.
        cavity_volume_mm3: of the air that the nodule encloses; 0 without any.
    """

    calcification: Calcification
    fat_share: float
    cavity_volume_mm3: float


def contents(hu: NDArray[Any], mask: BoolArray, geometry: Geometry, rule: ContentsRule) -> Contents:
    """Measure what a nodule holds.

    Args:
        hu: shape (I, R, C); a box around the nodule is enough.
        mask: bool, same shape, at least one voxel.
        geometry: of that box.
        rule: what counts.

    Raises:
        ValueError: the mask is empty or shapes differ.
    """
    check_nodule(hu, mask, geometry)
    inner = core(mask, geometry, rule.border_mm, rule.least_core_voxels)
    low, high = rule.fat_hu
    fat = _pieces(inner & (hu >= low) & (hu <= high), rule.least_voxels)
    return Contents(
        _calcification(hu, mask, inner, geometry, rule),
        float(fat.sum() / inner.sum()),
        float(_enclosed_air(hu, mask, geometry, rule).sum()) * geometry.voxel_volume_mm3,
    )


def _calcification(
    hu: NDArray[Any], mask: BoolArray, inner: BoolArray, geometry: Geometry, rule: ContentsRule
) -> Calcification:
    calcified = _pieces(mask & (hu > rule.calcified_hu), rule.least_voxels)
    if not calcified.any():
        return Calcification.NONE
    if float(calcified[inner].mean()) >= rule.complete_share:
        return Calcification.COMPLETE
    depth = distance_transform_edt(np.pad(mask, 1), sampling=geometry.spacing_irc_mm)
    depth = depth[1:-1, 1:-1, 1:-1]
    central = calcified & (depth >= rule.central_depth * depth.max())
    is_one = label(calcified)[1] == 1
    if is_one and central.sum() >= rule.central_share * calcified.sum():
        return Calcification.CENTRAL
    if _is_ring(calcified, mask, depth, geometry, rule):
        return Calcification.CONCENTRIC
    return Calcification.OTHER


def _is_ring(
    calcified: BoolArray,
    mask: BoolArray,
    depth: NDArray[np.float64],
    geometry: Geometry,
    rule: ContentsRule,
) -> bool:
    """Whether calcium encloses, on axial slices, the deepest part of the nodule."""
    enclosed = _filled(calcified, geometry) & ~calcified & mask
    middle = depth >= depth.max() - min(geometry.spacing_irc_mm)
    return bool(
        enclosed.sum() >= rule.enclosed_share * mask.sum()
        and np.all(enclosed[middle & ~calcified])
        and np.any(enclosed & middle)
    )


def _enclosed_air(
    hu: NDArray[Any], mask: BoolArray, geometry: Geometry, rule: ContentsRule
) -> BoolArray:
    """Air within the outline on axial slices: holes of the mask, and voxels of it."""
    inner = core(_filled(mask, geometry), geometry, rule.border_mm, rule.least_core_voxels)
    return _pieces(inner & (hu < rule.air_hu), rule.least_voxels)


def _filled(mask: BoolArray, geometry: Geometry) -> BoolArray:
    """The mask with its holes on axial slices."""
    axis = axial_axis(geometry)
    planes = np.moveaxis(mask, axis, 0)
    return np.moveaxis(np.stack([binary_fill_holes(plane) for plane in planes]), 0, axis)


def _pieces(mask: BoolArray, least: int) -> BoolArray:
    """The connected pieces (faces) that have enough voxels."""
    pieces, _ = label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(sizes[pieces] >= least, dtype=np.bool_)
