"""Skin, fat and muscle around the cavity."""

from __future__ import annotations

import numpy as np

from bundles.common.phantom.anatomy import Anatomy
from bundles.common.phantom.cavity import Cavity
from bundles.common.phantom.grid import CoarseGrid, Field, smooth_min
from bundles.common.phantom.shapes import add_ellipsoid, add_tube


def arm_path(body: Anatomy, side: float) -> list[tuple[float, float, float]]:
    """Along the bone of a hanging arm, from the shoulder to below the lungs."""
    x = body.half_width + 60.0 * body.scale + 1.4 * body.fat_mm
    y = body.back_y - 0.6 * body.half_depth
    top = body.apex_z - 25.0 * body.scale
    return [
        (side * x * 0.94, y, top),
        (side * x, y, top - 90.0),
        (side * x * 1.04, y - 12.0, -400.0),
    ]


def make_wall(
    body: Anatomy, grid: CoarseGrid, cavity: Cavity, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Signed distances of the skin's outside and of the muscle's outside."""
    _, y, z = grid.warped
    s, a = body.scale, cavity.azimuth
    height = (z - body.apex_z) / s
    upper = 1.0 / (1.0 + np.exp(-(height + 62.0) / 16.0))
    shoulder = 1.0 / (1.0 + np.exp(-(height + 12.0) / 12.0))
    back = 24.0 * np.exp(-((a / 0.55) ** 2))
    back_upper = 1.0 / (1.0 + np.exp(-(height + 120.0) / 14.0))
    blade = back_upper * 26.0 * np.exp(-(((a - 0.95) / 0.6) ** 2))
    breast = upper * 10.0 * np.exp(-(((a - 2.2) / 0.5) ** 2))
    arm = shoulder * 60.0 * np.exp(-(((a - 1.45) / 0.7) ** 2))
    thickness = (13.0 + (back + blade + breast) * body.muscle_scale + arm) * s
    muscle = cavity.distance_mm - thickness
    fat = body.fat_mm * (0.75 + 0.45 * np.exp(-(((a - 1.4) / 0.6) ** 2)))
    fat = fat + 6.0 * np.exp(-(((a - 1.35) / 0.35) ** 2)) * upper
    skin = muscle - fat.astype(np.float32)
    if body.has_breasts:
        size = float(rng.uniform(0.7, 1.3))
        front = body.back_y - 2.0 * body.half_depth - 10.0
        for side in (-1.0, 1.0):
            where = (side * 72 * s, front + 4.0, body.apex_z - 150.0 * s)
            add_ellipsoid(skin, grid, where, np.array([62, 27, 56]) * size * s, None, 30.0)
    # The body lies on the table: its back is flattened.
    floor = y - (body.back_y + (20.0 * body.muscle_scale + 12.0) * s + body.fat_mm * 0.7)
    skin = -smooth_min(-skin.astype(np.float32), -floor.astype(np.float32), 18.0)
    if body.arms_down:
        for side in (-1.0, 1.0):
            path = arm_path(body, side)
            width = 36.0 * s * body.muscle_scale
            add_tube(skin, grid, path, [width + 0.5 * body.fat_mm] * len(path), 6.0)
            add_tube(muscle, grid, path, [width] * len(path))
    return skin.astype(np.float32), np.maximum(muscle, skin + 3.0).astype(np.float32)
