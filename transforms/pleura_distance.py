"""How far a nodule lies from the surface of its lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from nodulus.transforms.closed_lungs import ClosedLungs
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lungs import axial_axis


@dataclass(frozen=True)
class PleuraRule:
    """How the lung's surface is found.

    Args:
        closing_mm: radius of the ball that closes each lung over vessels and nodules.
        reach_mm: larger distances are told as this.
        least_share: of the nodule's voxels in the closed lung; with less its surface there is not
            known, as at a mass or a consolidation.
        touching_mm: up to this distance a nodule counts as juxtapleural.
    """

    closing_mm: float
    reach_mm: float
    least_share: float
    touching_mm: float


def pleura_distance_mm(
    lungs: LungRegion, points_lps_mm: NDArray[np.float64], rule: PleuraRule
) -> float | None:
    """Measure the distance from a nodule's nearest voxel to the surface of the lungs.

    That is the pleura against ribs, diaphragm and mediastinum, and at the hilum the closed
    surface; no fissure counts. Each lung by itself is closed, then a Euclidean distance transform
    is interpolated. The grid has about 2.5 mm, and so the distance is good to about as much.

    Args:
        lungs: of the scan.
        points_lps_mm: the centres of the nodule's voxels, shape (n, 3), at least one.
        rule: how the surface is found.

    Returns:
        0 to ``reach_mm``; None where the surface is not known: the nodule lies outside of the
        closed lungs, or the scan ends nearer than they do.
    """
    spacing = np.asarray(lungs.geometry.spacing_irc_mm)
    places = lungs.geometry.lps_to_index(points_lps_mm)
    closed, low = ClosedLungs(lungs, rule.closing_mm).around(places, rule.reach_mm)
    if not closed.any():
        return None
    inner = np.asarray(distance_transform_edt(closed, sampling=spacing))
    if closed.all():
        inner[:] = np.inf
    at = np.moveaxis(places - low, -1, 0)
    depth = map_coordinates(np.minimum(inner, 1e6), at, order=1, mode="nearest")
    if float((depth > 0).mean()) < rule.least_share:
        return None
    # The transform measures to the centre of the nearest voxel outside; the surface is half a
    # voxel nearer.
    distance = max(float(depth.min()) - 0.5 * float(spacing.mean()), 0.0)
    distance = min(distance, rule.reach_mm)
    return None if _scan_ends_within(lungs, places, distance, spacing) else distance


def _scan_ends_within(
    lungs: LungRegion,
    places: NDArray[np.float64],
    distance_mm: float,
    spacing: NDArray[np.float64],
) -> bool:
    """Whether the scan ends nearer than the distance, where the lungs go on beyond its end."""
    along = axial_axis(lungs.geometry)
    last = np.asarray(lungs.geometry.shape_irc) - 1.0
    for axis in range(3):
        before, behind = lungs.touches_ends if axis == along else (lungs.touches_sides,) * 2
        to_first = float(places[:, axis].min()) * spacing[axis]
        to_last = float(last[axis] - places[:, axis].max()) * spacing[axis]
        if (before and to_first < distance_mm) or (behind and to_last < distance_mm):
            return True
    return False
