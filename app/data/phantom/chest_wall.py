"""The skin's outline over muscle and fat."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter1d

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.cavity import Cavity
from nodulus.app.data.phantom.grid import CoarseGrid, Field, smooth_min, smooth_noise
from nodulus.app.data.phantom.signed_distances import add_ellipsoid, add_tube, far_field
from nodulus.app.data.phantom.wall_map import WallMap, side_angle


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
    body: Anatomy, grid: CoarseGrid, cavity: Cavity, wall: WallMap, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Signed distances of the skin's outside and of the muscle of hanging arms."""
    x, y, z = grid.warped
    s, a = body.scale, cavity.azimuth
    # Skin bridges the furrows between muscles.
    bridged = maximum_filter1d(np.minimum(wall.reach_mm, 112.0), 45, axis=1, mode="nearest")
    bridged = gaussian_filter(bridged, (2.0, 24.0), mode="nearest")
    rows = np.clip((z - wall.z_mm[0]) / (wall.z_mm[1] - wall.z_mm[0]), 0, len(bridged) - 1)
    columns = side_angle(a, x > 0)
    reach = bridged[np.rint(rows).astype(np.int32), np.rint(columns).astype(np.int32)]
    reach = gaussian_filter(reach, 1.3)
    height = (z - body.apex_z) / s
    side = np.exp(-(((a - 1.45) / 0.6) ** 2))
    flank = 1.0 / (1.0 + np.exp((height + 120.0) / 16.0))
    front = np.exp(-(((a - 2.6) / 0.5) ** 2))
    fat = body.fat_mm * (0.5 + (0.25 + 0.45 * flank) * side + 0.25 * front)
    uneven = smooth_noise(grid.shape, 62.0 / grid.step_mm, rng)
    fat = 2.5 + fat * np.clip(1.0 + 0.16 * uneven, 0.4, 1.6)
    skin = (cavity.distance_mm - reach - fat - 2.2 * uneven).astype(np.float32)
    _fold(skin, body, a, height, x, rng)
    if body.has_breasts:
        first = body.back_y - 2.0 * body.half_depth - 12.0
        for sign in (-1.0, 1.0):
            size = float(rng.uniform(0.75, 1.25)) * s
            where = (sign * (66 + rng.uniform(-6, 10)) * s, first + rng.uniform(-4, 10),
                     body.apex_z - (160.0 + rng.uniform(-8, 8)) * s)  # fmt: skip
            add_ellipsoid(skin, grid, where, np.array([54, 23, 50]) * size, None, 38.0)
    # The body lies on the table: its back is flattened.
    floor = y - (body.back_y + (26.0 * body.muscle_scale + 5.0) * s + body.fat_mm * 0.55)
    floor = floor + 1.5 * uneven
    skin = -smooth_min(-skin.astype(np.float32), -floor.astype(np.float32), 16.0)
    arms = far_field(grid)
    if body.arms_down:
        for sign in (-1.0, 1.0):
            path = arm_path(body, sign)
            width = 36.0 * s * body.muscle_scale
            add_tube(skin, grid, path, [width + 0.5 * body.fat_mm] * len(path), 6.0)
            add_tube(arms, grid, path, [width] * len(path))
    return skin.astype(np.float32), np.maximum(arms, skin + 4.0).astype(np.float32)


def _fold(
    skin: Field, body: Anatomy, a: Field, height: Field, x: Field, rng: np.random.Generator
) -> None:
    """Creases of the fat at the sides and the back, in place."""
    for _ in range(body.folds):
        middle, sign = float(rng.uniform(0.7, 2.0)), float(rng.choice([-1.0, 1.0]))
        level, tilt = float(rng.uniform(-190.0, -60.0)), float(rng.uniform(-40.0, 40.0))
        deep = float(rng.uniform(0.2, 0.5)) * body.fat_mm
        width = float(rng.uniform(3.0, 7.0))
        where = np.exp(-(((a - middle) / 0.35) ** 2)) * (sign * x > 0)
        crease = np.exp(-(((height - level - tilt * (a - middle)) / width) ** 2))
        skin += (deep * where * crease).astype(np.float32)
