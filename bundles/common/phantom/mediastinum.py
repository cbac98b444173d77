"""Heart, great vessels, oesophagus and the fat between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundles.common.phantom.anatomy import Anatomy
from bundles.common.phantom.grid import CoarseGrid, Field, smooth_min
from bundles.common.phantom.shapes import add_ellipsoid, add_tube, far_field, tilted_axes


@dataclass(frozen=True, eq=False)
class Mediastinum:
    """Signed distances.

    Args:
        outline: everything between the lungs.
        blood: what takes up contrast.
        soft: heart muscle, oesophagus, nodes.
    """

    outline: Field
    blood: Field
    soft: Field


def hilum_xyz(body: Anatomy, side: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Where artery and bronchus enter a lung; ``side`` is -1 for the right, +1 for the left."""
    x, z = (-40.0, -24.0) if side < 0 else (43.0, -14.0)
    return np.array([x * body.scale, body.spine_y - 34.0 * body.depth_factor, z * body.scale])


def make_mediastinum(body: Anatomy, grid: CoarseGrid, rng: np.random.Generator) -> Mediastinum:
    """Draw the mediastinum."""
    s, h = body.scale, body.spine_y
    blood, soft, heart = far_field(grid), far_field(grid), far_field(grid)
    wide = float(rng.uniform(0.85, 1.15))

    def at(x: float, y: float, z: float) -> tuple[float, float, float]:
        return (x * s, h + y * s * body.depth_factor, z * s)

    k = body.heart_scale * (0.58 + 0.34 * body.depth_factor)
    jitter = rng.uniform(-6, 6, 3)
    heart_at = at(26 + jitter[0], -60 + jitter[1], -72 + jitter[2])
    long_axis = tilted_axes((0.75, -0.45, -0.5))
    left = far_field(grid)
    add_ellipsoid(left, grid, heart_at, np.array([58, 40, 42]) * k * s, long_axis)
    right = far_field(grid)
    add_ellipsoid(right, grid, at(-12, -62, -66), np.array([38, 36, 42]) * k * s)
    heart = smooth_min(left, right, 12.0)
    atrium = far_field(grid)
    add_ellipsoid(atrium, grid, at(4, -24, -46), np.array([34, 16, 20]) * k * s)
    heart = smooth_min(heart, atrium, 8.0)
    if body.has_contrast:
        chambers = np.minimum(left + 10.0, np.minimum(right + 4.0, atrium + 2.0))
        septum = 4.0 - np.abs(grid.warped[0] * 0.8 - grid.warped[1] * 0.5 - (14 * s - h * 0.5 + 30))
        blood = np.maximum(chambers, septum).astype(np.float32)
    np.minimum(soft, heart, out=soft)
    for path, radii in _great_vessels(wide):
        add_tube(blood, grid, [at(*p) for p in path], [r * s for r in radii], 2.0)
    tissue = smooth_min(blood, heart - 3.5, 6.0)
    gullet = [at(6, -20, 110), at(8, -20, 0), at(9, -22, -60), at(20, -34, -130), at(26, -50, -170)]
    add_tube(soft, grid, gullet, [6.5 * s] * 5)
    add_tube(soft, grid, [at(-9, -16, 20), at(-9, -16, -200)], [3.5 * s] * 2)
    for _ in range(int(rng.integers(6, 14))):  # lymph nodes
        where = at(rng.uniform(-22, 22), rng.uniform(-60, -25), rng.uniform(-40, 60))
        add_ellipsoid(soft, grid, where, rng.uniform(2.5, 6.0, 3) * s)
    return Mediastinum(_outline(body, grid, smooth_min(tissue, soft - 1.0, 5.0)), blood, soft)


def _great_vessels(
    wide: float,
) -> list[tuple[list[tuple[float, float, float]], list[float]]]:
    aorta: list[tuple[float, float, float]] = [
        (4, -66, -50), (-8, -72, -14), (-4, -68, 16), (6, -54, 34), (18, -30, 36),
        (25, -12, 22), (25, -8, -8), (23, -6, -60), (16, -8, -120), (5, -14, -250),
    ]  # fmt: skip
    return [
        (aorta, [r * wide for r in (15, 16, 15, 14, 13, 12.5, 12, 11.5, 11, 10)]),
        ([(-24, -52, 70), (-25, -52, 30), (-25, -54, -45)], [8, 9, 10]),
        ([(-3, -64, 34), (-14, -54, 62), (-22, -48, 120)], [7, 5.5, 4.5]),
        ([(8, -48, 36), (14, -42, 75), (18, -38, 120)], [5, 4, 3.5]),
        ([(18, -30, 36), (27, -28, 70), (34, -30, 115)], [5.5, 5, 4.5]),
        ([(-23, -54, 58), (5, -72, 62), (32, -62, 82)], [7, 6.5, 6]),
        ([(20, -78, -44), (20, -62, -16), (30, -44, -8), (46, -30, -10)], [13, 13, 11, 8]),
        ([(20, -60, -16), (-4, -50, -20), (-28, -42, -23), (-44, -34, -26)], [12, 11, 9.5, 7]),
        ([(-18, -44, -90), (-18, -34, -140), (-17, -26, -250)], [12, 12, 11]),
        ([(-14, -26, -44), (-38, -34, -42)], [8, 6]),
        ([(22, -26, -42), (44, -34, -40)], [8, 6]),
        ([(-14, -26, -52), (-36, -24, -58)], [7, 5.5]),
        ([(22, -26, -50), (42, -22, -56)], [7, 5.5]),
    ]


def _outline(body: Anatomy, grid: CoarseGrid, tissue: Field) -> Field:
    """The tissue with its fat, and the sheet between the lungs from breastbone to spine."""
    x, y, z = grid.warped
    s = body.scale
    u = (y - body.spine_y) / s / np.where(y < body.spine_y, body.depth_factor, 1.0)
    upper = 1.0 / (1.0 + np.exp(-(z / s - 8.0) / 12.0))
    half = 4.0 + 17.0 * np.exp(-(((u + 25) / 24) ** 2)) + 9.0 * np.exp(-((u / 16) ** 2))
    front = (y - body.back_y + 2.0 * body.half_depth) / s
    half = half + 9.0 * np.exp(-((np.maximum(front, 0.0) / 14.0) ** 2))
    half = half + upper * 18.0 * np.exp(-(((u + 55) / 26) ** 2))
    # The anterior junction runs a little to the left, where the heart pushes the left lung.
    sheet = (np.abs(x / s - 3.0 * (1 - upper)) - half) * s * 0.8
    outline = smooth_min(sheet.astype(np.float32), tissue - 2.0, 10.0)
    for side in (-1, 1):
        add_ellipsoid(outline, grid, hilum_xyz(body, side), np.array([13, 13, 19]) * s, None, 8.0)
    return outline
