"""The lungs of a CT, and the region around them where it is worth looking for nodules.

Found on a coarse grid by thresholds and shape, without a network. Three things are kept apart:

- the lungs: what of them is filled with air, right and left, without the trachea; it is what their
  volume is measured of;
- the search region: the lungs with vessels, masses and consolidated lobes that belong to them; it
  errs on the large side;
- the air that is neither: around the patient, of the bowel, between the patient and an object.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.transforms.ball_morphology import bounding_box, dilate_by_cross, open_by_cross
from nodulus.transforms.body_axes import BodyAxes
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_air import (
    ChestAir,
    chest_air,
    field_edge,
    lung_parts,
    to_the_field_edge,
    without_padding,
)
from nodulus.transforms.lung_region import BoolArray, LungRegion
from nodulus.transforms.lung_rule import LungRule, shipped_lung_rule
from nodulus.transforms.lung_sides import separate_lungs
from nodulus.transforms.search_region import lung_outline, search_region
from nodulus.transforms.thorax import mid_plane, outside_chest
from nodulus.transforms.trachea import find_trachea


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


def find_lungs(
    hu: NDArray[Any], geometry: Geometry, rule: LungRule | None = None
) -> LungRegion | None:
    """Find the lungs and the region to search.

    Lungs are air that the body encloses in at least three of the four directions of its axial
    plane (so that a field of view that cuts the chest wall does no harm), that is neither outside
    air, bowel gas nor the trachea and lies in the chest, with the lung beyond it that the edge of
    the field of view leaves open. What is searched: :func:`.search_region.search_region`.

    Args:
        hu: shape (I, R, C), Hounsfield units.
        geometry: of ``hu``.
        rule: thresholds; None for the shipped ones, those of training.

    Returns:
        The lungs, or None where there is nothing like a lung.
    """
    rule = rule or shipped_lung_rule()
    coarse, grid = coarsen(hu, geometry, rule.coarse_mm)
    axes = BodyAxes.of(grid)
    volume = without_padding(np.ascontiguousarray(axes.turn(coarse)), rule.air)
    body_grid = axes.turned(grid)
    spacing = np.asarray(body_grid.spacing_irc_mm)
    voxel_ml = grid.voxel_volume_mm3 / 1000.0
    air = chest_air(volume, rule.air)
    supposed = open_by_cross(air.inner & air.enclosed)
    supposed = lung_parts(supposed, volume, spacing, voxel_ml, rule.air)
    if not supposed.any():
        return None
    middle = mid_plane(volume, air.body, supposed, spacing, rule.chest)
    box = _chest_box(supposed, middle, spacing, rule.around_mm)
    near = air.cropped(box)
    lungs, middle = _lungs_alone(supposed[box], volume[box], near, spacing, voxel_ml, rule)
    if not lungs.any():
        return None
    lungs = to_the_field_edge(lungs, near, voxel_ml, rule.air)
    sides, search = np.zeros(volume.shape, np.uint8), np.zeros(volume.shape, bool)
    sides[box] = separate_lungs(lungs, middle, spacing, rule.sides)
    search[box] = search_region(
        sides[box], near.body, middle, spacing, rule=rule.search, costal=rule.costal
    )
    bottom, top, at_edge = (
        bool(np.count_nonzero(part) * voxel_ml > rule.air.notable_ml)
        for part in (sides[0], sides[-1], sides[box] * field_edge(air.field)[:, box[1], box[2]])
    )
    first_is_top = 0 in axes.flipped
    corner = [s.start for s in box]
    return LungRegion(
        search_region=axes.restore(search),
        sides=axes.restore(sides),
        geometry=grid,
        touches_ends=(top, bottom) if first_is_top else (bottom, top),
        touches_sides=at_edge,
        mid_plane=_plane(middle, body_grid.cropped(corner, lungs.shape)),
    )


def closed_lung_mask(hu: NDArray[Any], geometry: Geometry) -> BoolArray:
    """The lungs closed over vessels and small nodules, with a margin, on the grid of ``hu``.

    Unlike the search region it holds no large mass, no consolidated lobe and no mediastinum.

    Returns:
        Shape (I, R, C); empty where there is no lung.
    """
    rule = shipped_lung_rule()
    region = find_lungs(hu, geometry, rule)
    if region is None:
        return np.zeros(hu.shape, bool)
    axes = BodyAxes.of(region.geometry)
    spacing = np.asarray(axes.turned(region.geometry).spacing_irc_mm)
    outline = axes.restore(lung_outline(axes.turn(region.aerated), spacing, rule.search))
    return replace(region, search_region=outline).on(geometry)


def _lungs_alone(
    supposed: BoolArray,
    volume: NDArray[np.float32],
    air: ChestAir,
    spacing: NDArray[np.float64],
    voxel_ml: float,
    rule: LungRule,
) -> tuple[BoolArray, NDArray[np.float64]]:
    """The lungs without the trachea and without air beside the chest, and the mid-plane."""
    middle = mid_plane(volume, air.body, supposed, spacing, rule.chest)
    trachea = find_trachea(volume, air.inner & air.enclosed, middle, spacing, rule.trachea)
    lungs = open_by_cross(supposed & ~dilate_by_cross(trachea))
    lungs &= ~outside_chest(
        lungs, air.body, middle, spacing, voxel_ml, rule=rule.chest, air=rule.air
    )
    lungs = lung_parts(lungs, volume, spacing, voxel_ml, rule.air)
    if lungs.any():
        middle = mid_plane(volume, air.body, lungs, spacing, rule.chest)
    return lungs, middle


def _chest_box(
    lungs: BoolArray,
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
    around_mm: float,
) -> tuple[slice, slice, slice]:
    """The box of the lungs and of their mirror image, with what is searched around them."""
    z, y, x = bounding_box(lungs, np.ceil(around_mm / spacing).astype(int).tolist())
    low = min(x.start, int(2 * middle[z].min() - x.stop))
    high = max(x.stop, int(np.ceil(2 * middle[z].max())) - x.start + 1)
    return z, y, slice(max(0, low), min(lungs.shape[2], high))


def _plane(middle: NDArray[np.float64], grid: Geometry) -> tuple[float, float, float, float]:
    """The mid-plane as a unit normal that points to the left and its distance from 0, LPS mm."""
    slope = float(middle[-1] - middle[0]) / max(1, len(middle) - 1)
    # in voxels (z, y, x): x - slope z = middle[0]
    normal = np.linalg.inv(grid.affine_lps[:3, :3]).T @ (-slope, 0.0, 1.0)
    normal /= np.linalg.norm(normal)
    distance = float(normal @ grid.index_to_lps((0.0, 0.0, middle[0])))
    x, y, z = (float(n) for n in normal)
    return x, y, z, distance
