"""Solid, part-solid or ground glass: what a nodule is made of, from the voxels of its mask.

The terms are the Fleischner Society's (MacMahon et al., Radiology 284:228-243, 2017) and
Lung-RADS's. A voxel at the nodule's border is partly lung, so that a solid nodule has a rim as
faint as ground glass; the class therefore comes from the nodule's core alone. Solid is what
exceeds -300 HU: with that threshold software told part-solid nodules from non-solid ones as
radiologists do, with a sensitivity of 90 % and a specificity of 88 % (Scholten et al., European
Radiology 25:488-496, 2015, doi:10.1007/s00330-014-3427-z).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.measurements import axial_diameters


class Texture(str, Enum):
    """Class of a nodule by its density."""

    SOLID = "solid"
    PART_SOLID = "part-solid"
    GROUND_GLASS = "ground-glass"


@dataclass(frozen=True)
class TextureRule:
    """Where one class ends and the next begins.

    Args:
        solid_hu: a voxel above it is solid.
        border_mm: the core begins this far from the nearest voxel outside, and never nearer than
            one voxel along any axis.
        part_solid_share: with a lesser share of solid voxels in the core it is ground glass.
        solid_share: with this share or a greater one it is solid.
        calcified_hu: a voxel above it counts as calcified.
        least_core_voxels: of the core, where the nodule has so many: the deepest ones.
    """

    solid_hu: float
    border_mm: float
    part_solid_share: float
    solid_share: float
    calcified_hu: float
    least_core_voxels: int


@dataclass(frozen=True)
class Composition:
    """What a nodule is made of.

    Args:
        texture: its class.
        solid_share: of the core's voxels, 0 to 1.
        solid_volume_mm3: the largest connected solid part, rim included; 0 without one.
        solid_longest_diameter_mm: longest axial diameter of that part; None without one.
        solid_mean_diameter_mm: mean of it and its perpendicular.
        calcified_share: of all voxels of the mask, 0 to 1.
    """

    texture: Texture
    solid_share: float
    solid_volume_mm3: float
    solid_longest_diameter_mm: float | None
    solid_mean_diameter_mm: float | None
    calcified_share: float


def check_nodule(hu: NDArray[Any], mask: NDArray[np.bool_], geometry: Geometry) -> None:
    """Make sure that a nodule can be measured.

    Raises:
        ValueError: the mask is empty or shapes differ.
    """
    if hu.shape != mask.shape or tuple(mask.shape) != geometry.shape_irc:
        raise ValueError(f"shapes differ: {hu.shape}, {mask.shape}, {geometry.shape_irc}")
    if not mask.any():
        raise ValueError("the mask is empty")


def core(
    mask: NDArray[np.bool_], geometry: Geometry, border_mm: float, least_voxels: int
) -> NDArray[np.bool_]:
    """The mask without its border, where partial volume rules.

    Along each axis the border is ``border_mm`` or one voxel wide, whichever is more. A nodule too
    small for that keeps its deepest voxels (and those as deep as the last of them).

    Args:
        mask: shape (I, R, C), at least one voxel.
        geometry: of ``mask``.
        border_mm: width of the border.
        least_voxels: how many such a nodule keeps.
    """
    widths = np.maximum(geometry.spacing_irc_mm, border_mm)
    # Distances in border widths, to the nearest voxel outside; beyond the box there is none inside.
    depth = distance_transform_edt(
        np.pad(mask, 1), sampling=np.asarray(geometry.spacing_irc_mm) / widths
    )[1:-1, 1:-1, 1:-1]
    inside = np.sort(depth[mask])[::-1]
    enough = float(inside[min(least_voxels, len(inside)) - 1])
    deep = depth > 1.0 + 1e-6
    return np.asarray(mask & (deep | (depth >= enough)), dtype=np.bool_)


def composition(
    hu: NDArray[Any], mask: NDArray[np.bool_], geometry: Geometry, rule: TextureRule
) -> Composition:
    """Measure what a nodule is made of.

    Args:
        hu: shape (I, R, C); a box around the nodule is enough.
        mask: bool, same shape, at least one voxel.
        geometry: of that box.
        rule: the thresholds.

    Raises:
        ValueError: the mask is empty or shapes differ.
    """
    check_nodule(hu, mask, geometry)
    solid = mask & (hu > rule.solid_hu)
    share = float(solid[core(mask, geometry, rule.border_mm, rule.least_core_voxels)].mean())
    if share >= rule.solid_share:
        texture = Texture.SOLID
    elif share >= rule.part_solid_share:
        texture = Texture.PART_SOLID
    else:
        texture = Texture.GROUND_GLASS
    part = None if texture is Texture.GROUND_GLASS else _largest_part(solid)
    axes = None if part is None else axial_diameters(part, geometry)
    return Composition(
        texture=texture,
        solid_share=share,
        solid_volume_mm3=0.0 if part is None else int(part.sum()) * geometry.voxel_volume_mm3,
        solid_longest_diameter_mm=None if axes is None else axes.longest_mm,
        solid_mean_diameter_mm=None if axes is None else axes.mean_mm,
        calcified_share=float((hu[mask] > rule.calcified_hu).mean()),
    )


def _largest_part(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of a mask, voxels that share a face; the mask has one at least."""
    pieces, _ = label(solid)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == int(sizes.argmax()), dtype=np.bool_)
