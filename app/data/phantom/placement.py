"""Where in a made chest nodules may lie: at fissures, and never in an airway."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nodulus.app.data.phantom.chest import Chest
from nodulus.app.data.phantom.vessels import Tubes, wall_mm
from nodulus.transforms.insertion.nodule_position import LungField

Sphere = tuple[tuple[float, float, float], float]
GAP_MM = 6.0
"""What ``choose_position`` keeps between a nodule and what it avoids."""
_LARGE_LUMEN_MM = 1.6
_CLEAR_MM = 0.8
_STEP_MM = 3.0
_AT_FISSURE_MM = 1.5


def at_fissures(
    field: LungField, chest: Chest, frame_lps_mm: tuple[float, float, float]
) -> LungField:
    """A field in which only places at a fissure are free.

    Args:
        field: the lungs, LPS mm.
        chest: where the fissures are.
        frame_lps_mm: LPS position of the anatomy's origin.
    """
    index = np.stack(np.meshgrid(*map(np.arange, field.border_mm.shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(field.geometry.index_to_lps(index) - np.array(frame_lps_mm), -1, 0)
    nearest = np.full(x.shape, np.inf)
    oblique = np.where(x < 0, chest.fissures.surface(0, x, y), chest.fissures.surface(1, x, y))
    for which, there in ((0, x < 0), (1, x >= 0), (2, (x < 0) & (z > oblique))):
        gap = np.abs(z - chest.fissures.surface(which, x, y)) * chest.fissures.steepness(which)
        nearest = np.where(there, np.minimum(nearest, gap), nearest)
    there = nearest < _AT_FISSURE_MM
    return replace(field, vessel_mm=np.where(there, field.vessel_mm, 0.0).astype(np.float32))


def airway_spheres(lumina: Tubes, frame_lps_mm: tuple[float, float, float]) -> list[Sphere]:
    """Spheres along the airways that a nodule would stand out in; LPS mm, for ``avoid``.

    The gap between a nodule and what it avoids is meant for other nodules; here the radius is less
    by it, so that a nodule may touch an airway's wall.
    """
    spheres = []
    radius = np.maximum(lumina.start_radius_mm, lumina.end_radius_mm)
    for n in np.flatnonzero(radius > _LARGE_LUMEN_MM):
        start, end = lumina.start_xyz[n], lumina.end_xyz[n]
        reach = float(radius[n] + wall_mm(radius[n : n + 1])[0]) + _CLEAR_MM - GAP_MM
        for t in np.linspace(0, 1, max(2, int(np.linalg.norm(end - start) / _STEP_MM) + 1)):
            x, y, z = (float(v) for v in start + t * (end - start) + frame_lps_mm)
            spheres.append(((x, y, z), reach))
    return spheres
