"""Nodule, mass, or something that may be a consolidation: by size and form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from nodulus.transforms.ball_morphology import dilate, erode
from nodulus.transforms.geometry import Geometry


class LesionKind(str, Enum):
    """What a finding may be called."""

    NODULE = "nodule"
    MASS = "mass"
    MASS_OR_CONSOLIDATION = "mass or consolidation"


@dataclass(frozen=True)
class LesionKindRule:
    """Where one kind ends and the next begins.

    Args:
        mass_above_mm: up to this mean diameter a lesion is a nodule (Hansell et al., Fleischner
            Society: glossary of terms for thoracic imaging, Radiology 2008).
        compact_share: share of its convex hull that a mass fills; a consolidation or an effusion
            has arms or is curved.
        spicule_mm: what is thinner than twice this is no part of the form.
    """

    mass_above_mm: float
    compact_share: float
    spicule_mm: float


def lesion_kind(
    mask: NDArray[np.bool_], geometry: Geometry, mean_diameter_mm: float, rule: LesionKindRule
) -> LesionKind:
    """Name a lesion.

    Args:
        mask: shape (I, R, C), not empty.
        geometry: of ``mask``.
        mean_diameter_mm: mean of the longest axial diameter and that perpendicular to it, which is
            what Fleischner's guideline goes by.
        rule: the thresholds.
    """
    if mean_diameter_mm <= rule.mass_above_mm:
        return LesionKind.NODULE
    if solidity(mask, geometry, rule.spicule_mm) < rule.compact_share:
        return LesionKind.MASS_OR_CONSOLIDATION
    return LesionKind.MASS


def solidity(mask: NDArray[np.bool_], geometry: Geometry, spicule_mm: float) -> float:
    """Volume as a share of the convex hull's, spicules left out; 1 where there is no hull.

    Args:
        mask: shape (I, R, C).
        geometry: of ``mask``.
        spicule_mm: what is thinner than twice this is left out.
    """
    spacing_mm = geometry.spacing_irc_mm
    smooth = dilate(erode(mask, spacing_mm, spicule_mm), spacing_mm, spicule_mm)
    if smooth.any():
        mask = mask & smooth
    edge = mask.copy()
    inner = (slice(1, -1),) * 3
    edge[inner] &= ~(
        mask[2:, 1:-1, 1:-1]
        & mask[:-2, 1:-1, 1:-1]
        & mask[1:-1, 2:, 1:-1]
        & mask[1:-1, :-2, 1:-1]
        & mask[1:-1, 1:-1, 2:]
        & mask[1:-1, 1:-1, :-2]
    )
    index = np.argwhere(edge).astype(np.float64)
    # Voxels are boxes: their corners, not their centres, span the hull.
    corners = np.concatenate([index + np.array(half) for half in product((-0.5, 0.5), repeat=3)])
    try:
        hull = ConvexHull(np.unique(corners, axis=0) * geometry.spacing_irc_mm)
    except (QhullError, ValueError):
        return 1.0
    return float(min(mask.sum() * geometry.voxel_volume_mm3 / hull.volume, 1.0))
