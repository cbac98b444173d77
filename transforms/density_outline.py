"""The outline of a nodule by density, where a network has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import dilate
from nodulus.transforms.connected_part import part_with_most_of

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class DensityOutlineRule:
    """Where the border of a nodule runs.

    Args:
        border_share: of the way from the lung's density to the nodule's; 0.5 is half-way.
        reach_mm: how far outside of what was seen the border may lie.
        core_share: of what was seen, the densest share, whose least dense voxel the search for the
            nodule's density begins with.
        background_mm: between these distances around the nodule lies the lung beside it.
        background_below_hu: a voxel below it is lung.
        least_background_voxels: with fewer of them there the lung's density is ``lung_hu``.
        lung_hu: of aerated lung.
        sure_probability: what reaches it may be ground glass of the nodule, less dense than half,
        glass_above_lung_hu: and denser than the lung by this,
        glass_rim_mm: where it reaches further out than this, and than a voxel: a thinner rim is the
            blur of a solid border.
        least_contrast_hu: with less between lung and nodule the outline stays as it was seen.
    """

    border_share: float
    reach_mm: float
    core_share: float
    background_mm: tuple[float, float]
    background_below_hu: float
    least_background_voxels: int
    lung_hu: float
    sure_probability: float
    glass_above_lung_hu: float
    glass_rim_mm: float
    least_contrast_hu: float

    @property
    def margin_mm(self) -> float:
        """How far around what was seen the rule looks."""
        return max(self.reach_mm, self.background_mm[1])


_ROUNDS = 10
"""Far more than the density of a nodule takes to settle."""


def density_outline(
    hu: NDArray[np.number],
    probability: NDArray[np.floating],
    seen: BoolArray,
    spacing_mm: Sequence[float],
    rule: DensityOutlineRule,
    lungs: BoolArray | None = None,
) -> BoolArray:
    """Move the border of what a network saw to where the density says it is.

    The probability falls slowly across a border, and where exactly depends on the threshold; the
    density falls steeply. Half-way between the densities of a nodule and of the lung beside it is
    where a border that the scanner has blurred truly runs (as full width at half maximum). Ground
    glass around a solid core lies below that; where the network is sure of it, and it is more than
    the blurred rim that every border has, it is kept. Holes are filled: a cavity is part of a
    nodule. The chest wall is as dense as a nodule: what lies outside of the lungs is left out.

    Args:
        hu: Hounsfield units, shape (X, Y, Z), with ``rule.margin_mm`` around what was seen as far
            as the scan goes.
        probability: of the nodule, 0 to 1; same shape.
        seen: where it is taken as seen; bool, same shape.
        spacing_mm: of the three axes.
        rule: densities, probabilities and lengths.
        lungs: with the nodules in them and some of what was seen, same shape; None where they do
            not bound the nodule.

    Returns:
        Bool, same shape, in one piece that shares voxels with ``seen``; ``seen`` itself where the
        nodule is hardly denser than the lung or nothing of it is.
    """
    if lungs is not None:
        seen = seen & lungs
    if not seen.any():
        return seen
    away_mm = ndimage.distance_transform_edt(~seen, spacing_mm)
    nearest, furthest = rule.background_mm
    lung = (away_mm > nearest) & (away_mm <= furthest) & (hu < rule.background_below_hu)
    lung_hu = rule.lung_hu
    if np.count_nonzero(lung) >= rule.least_background_voxels:
        lung_hu = float(np.median(hu[lung]))
    own_hu = _own_density(hu[seen], lung_hu, rule)
    if own_hu - lung_hu < rule.least_contrast_hu:
        return seen
    dense = (hu >= lung_hu + rule.border_share * (own_hu - lung_hu)) & (away_mm <= rule.reach_mm)
    if lungs is not None:
        dense &= lungs
    glass = seen & ~dense & (probability >= rule.sure_probability)
    glass &= hu >= lung_hu + rule.glass_above_lung_hu
    drawn = dense | _beyond_the_rim(glass, dense, spacing_mm, rule.glass_rim_mm)
    part = part_with_most_of(ndimage.binary_fill_holes(drawn), seen)
    return part if part.any() else seen


def _own_density(hu: NDArray[np.number], lung_hu: float, rule: DensityOutlineRule) -> float:
    """The median of what is as dense as a nodule of that density: a fixed point, from above.

    A median of all that was seen would be the lung's where too much was seen.
    """
    own_hu = float(np.quantile(hu, 1.0 - rule.core_share))
    for _ in range(_ROUNDS):
        dense = hu[hu >= lung_hu + rule.border_share * (own_hu - lung_hu)]
        found = float(np.median(dense)) if len(dense) else own_hu
        if found >= own_hu:
            break
        own_hu = found
    return own_hu


def _beyond_the_rim(
    glass: BoolArray, dense: BoolArray, spacing_mm: Sequence[float], rim_mm: float
) -> BoolArray:
    """Of what lies around the dense part, that which reaches further out than a rim."""
    least_mm = max(rim_mm, *spacing_mm)
    wide = glass & (ndimage.distance_transform_edt(~dense, spacing_mm) > least_mm)
    return glass & dilate(wide, spacing_mm, least_mm) if wide.any() else wide
