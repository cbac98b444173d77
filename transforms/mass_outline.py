"""The outline of a large lesion at full resolution, from where a coarse look saw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import dilate, erode
from nodulus.transforms.blocks import Box
from nodulus.transforms.connected_part import part_with_most_of

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class MassOutlineRule:
    """How a large lesion is outlined.

    Args:
        lung_hu: of aerated lung; half-way from it to the lesion's own density runs the border.
        core_probability: the lesion's density is the median of what reaches it.
        opening_mm: vessels that enter the lesion and are thinner than twice this are cut off.
    """

    lung_hu: float
    core_probability: float
    opening_mm: float


def outline_mass(
    hu: NDArray[np.floating],
    probability: NDArray[np.floating],
    spacing_mm: float,
    *,
    threshold: float,
    reach_mm: float,
    rule: MassOutlineRule,
) -> BoolArray:
    """Draw a lesion where a coarse look saw it, its border to the lung by density.

    Where lung lies beside it, the border runs half-way between the densities of lung and lesion, as
    a reader draws it; where tissue lies beside it, the coarse probability alone tells.

    Args:
        hu: shape (X, Y, Z).
        probability: of the lesion, interpolated to the same grid; same shape.
        spacing_mm: isotropic.
        threshold: of the probability.
        reach_mm: how far the border may lie outside the threshold: the coarse look's own voxel.
        rule: densities and lengths.

    Returns:
        Shape of ``hu``; empty where nothing reaches the threshold.
    """
    seen = probability >= threshold
    if not seen.any():
        return seen
    core = probability >= max(rule.core_probability, threshold)
    own_hu = float(np.median(hu[core if core.any() else seen]))
    spacing = (spacing_mm,) * 3
    dense = hu >= (own_hu + rule.lung_hu) / 2.0
    # Lung that is seen must be left out; beyond what was seen, only what is next to lung is drawn.
    inner = seen & dense
    near_lung = dilate(~dense & dilate(seen, spacing, reach_mm), spacing, reach_mm)
    drawn = inner | (dilate(seen, spacing, reach_mm) & dense & near_lung)
    drawn = ndimage.binary_fill_holes(drawn)
    opened = dilate(erode(drawn, spacing, rule.opening_mm), spacing, rule.opening_mm) & drawn
    return part_with_most_of(opened if opened.any() else drawn, seen)


def air_share(hu: NDArray[np.floating], mask: BoolArray, air_below_hu: float) -> float:
    """Of a lesion with its holes filled, the share that is air: bronchi or cavities.

    Args:
        hu: shape (X, Y, Z).
        mask: the lesion, same shape, not empty.
        air_below_hu: from which on a voxel counts as air.
    """
    whole = ndimage.binary_fill_holes(mask)
    return float((hu[whole] < air_below_hu).mean())


def surface_share(mask: BoolArray, place: BoolArray, spacing_mm: float, reach_mm: float) -> float:
    """Of what lies within a distance around a lesion, the share that is of some place.

    Args:
        mask: the lesion, shape (X, Y, Z), not empty.
        place: same shape, such as the aerated lung.
        spacing_mm: isotropic.
        reach_mm: the distance.
    """
    around = dilate(mask, (spacing_mm,) * 3, reach_mm) & ~mask
    return float(place[around].mean()) if around.any() else 0.0


def padded_box(box: Box, shape: tuple[int, ...], pad: int) -> Box:
    """A box with so many voxels around it, as far as the volume goes."""
    x, y, z = (
        slice(max(s.start - pad, 0), min(s.stop + pad, n)) for s, n in zip(box, shape, strict=True)
    )
    return x, y, z
