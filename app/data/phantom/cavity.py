"""The chest cavity: the envelope inside the ribs, and the diaphragm that closes it below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field


@dataclass(frozen=True, eq=False)
class Cavity:
    """Fields of the cavity.

    Args:
        distance_mm: signed radial distance to the inner chest wall (apex and base left open).
        azimuth: angle around the cavity, 0 at the spine, pi at the sternum, both sides alike.
        above_diaphragm_mm: height over the diaphragm.
        above_apex_mm: height over the apical dome.
    """

    distance_mm: Field
    azimuth: Field
    above_diaphragm_mm: Field
    above_apex_mm: Field


def make_cavity(body: Anatomy, grid: CoarseGrid) -> Cavity:
    """Envelope of a super-ellipse whose size runs along z, with apical domes and a diaphragm."""
    x, y, z = grid.warped
    below_apex = (body.apex_z - z) / body.scale
    width = body.half_width * _profile(below_apex, (0.57, 0.66, 0.8, 0.92, 1.0, 1.03))
    depth = body.half_depth * _profile(below_apex, (0.46, 0.58, 0.74, 0.88, 1.0, 1.06))
    center_y = body.back_y - depth
    dy = y - center_y
    # Behind, the chest is squarer: ribs run backwards beside the spine before they turn.
    power = np.float32(2.3) + np.float32(0.75) * np.clip(dy / depth, 0, 1)
    ratio = ((np.abs(x) / width) ** power + (np.abs(dy) / depth) ** power) ** (1 / power) + 1e-4
    distance = np.hypot(x, dy) * (1.0 - 1.0 / ratio)
    azimuth = np.arctan2(np.abs(x), dy)
    beside = (np.abs(x) - 46.0 * body.scale) / body.scale
    ahead = (body.back_y - 38.0 * body.scale - y) / body.scale
    apex = body.apex_z - 42.0 * body.scale * (
        (beside / np.where(beside > 0, 64.0, 46.0)) ** 2
        + (ahead / np.where(ahead > 0, 88.0, 46.0)) ** 2
    )
    return Cavity(
        distance.astype(np.float32),
        azimuth.astype(np.float32),
        (z - diaphragm_height(body, x, y)).astype(np.float32),
        ((z - apex) * 0.7).astype(np.float32),
    )


def diaphragm_height(body: Anatomy, x: Field, y: Field) -> Field:
    """Height z of the diaphragm: two domes that fall off to the sides, most of all backwards."""
    drop = body.costophrenic_depth
    dome_x = 0.52 * body.half_width
    dome_y = body.back_y - 1.12 * body.half_depth

    def dome(sign: float, top: float) -> Field:
        dx = (sign * x - dome_x) / (0.5 * body.half_width)
        dx = np.where(dx < 0, dx * 0.45, dx)
        dy = (y - dome_y) / (0.95 * body.half_depth)
        dy = np.where(dy > 0, dy * 1.05, dy * 0.62)
        squared = dx**2 + dy**2
        # The recess has a floor: nothing hangs below ``Anatomy.base_z``.
        return np.asarray(top - drop * np.minimum(squared ** np.float32(1.15), 1.0))

    height = np.where(x < 0, dome(-1.0, body.dome_right_z), dome(1.0, body.dome_left_z))
    return np.asarray(height, dtype=np.float32)


def _profile(below_apex: Field, values: tuple[float, ...]) -> Field:
    knots = (0.0, 15.0, 40.0, 75.0, 140.0, 260.0)
    return np.interp(below_apex, knots, values).astype(np.float32)
