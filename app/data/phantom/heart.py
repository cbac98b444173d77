"""The heart: four chambers, their walls, the fat in its grooves and about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field, smooth_max, smooth_min, smooth_noise
from nodulus.app.data.phantom.signed_distances import (
    add_ellipsoid,
    add_tube,
    far_field,
    tilted_axes,
)

LEFT_WALL_MM, RIGHT_WALL_MM, ATRIUM_WALL_MM = 10.0, 3.2, 2.2
LONG_AXIS = (0.72, -0.52, -0.46)
"""From the base of the left ventricle to its apex: left, forwards and down."""


@dataclass(frozen=True, eq=False)
class Heart:
    """Signed distances (mm) on one part of the coarse grid.

    Args:
        box: that part.
        pericardium: heart with the fat about it.
        muscle: outside of all walls.
        left_blood: chambers of the left side, down to the aortic root.
        right_blood: chambers of the right side, up to the outflow.
        grooves: coronary arteries along the grooves, each points (n, 3) in anatomy mm.
    """

    box: tuple[slice, ...]
    pericardium: Field
    muscle: Field
    left_blood: Field
    right_blood: Field
    grooves: tuple[np.ndarray, ...]


def heart_point(body: Anatomy, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A place in the heart's own mm (carina 0, spine's middle y 0) in anatomy mm."""
    s = body.scale
    # The heart stands on the diaphragm, which lies higher in some.
    low = -0.5 * (body.dome_right_z + body.dome_left_z) / s
    stretch = min(max((low - 18.0) / 92.0, 0.78), 1.2)
    down = z if z > -20.0 else -20.0 + (z + 20.0) * stretch
    return (x * s, body.spine_y + y * s * body.depth_factor, down * s)


def make_heart(body: Anatomy, grid: CoarseGrid, rng: np.random.Generator) -> Heart:
    """Draw the heart.

    The septum is the left ventricle's wall: the right one lies about it as a crescent.
    """
    s = body.scale
    k = body.heart_scale * s * (0.6 + 0.32 * body.depth_factor)

    def at(x: float, y: float, z: float) -> tuple[float, float, float]:
        return heart_point(body, x + shift[0], y + shift[1], z + shift[2])

    shift = rng.uniform(-4, 4, 3)
    low = np.array(heart_point(body, -75, -128, -150)) - 12.0
    high = np.array(heart_point(body, 105, 0, 15)) + 12.0
    box = grid.box(low, high)
    part = grid.part(box)
    wave = smooth_noise(part.shape, 20.0 / grid.step_mm, rng)
    ripple = smooth_noise(part.shape, 8.0 / grid.step_mm, rng)
    axes = tilted_axes(np.array(LONG_AXIS) + rng.uniform(-0.09, 0.09, 3))
    beat = float(rng.uniform(0.86, 1.04))  # between systole and diastole
    wall = LEFT_WALL_MM * float(rng.uniform(0.9, 1.2)) / beat**2

    left = _solid(part, at(42, -63, -77), np.array([46, 31, 33]) * k * (0.5 + 0.5 * beat), axes)
    left += 1.3 * wave
    # The wall thins towards the apex, and muscle bars roughen it within.
    tip = (part.warped[0] - at(78, 0, 0)[0]) / (14.0 * s)
    cavity = left + wall - 3.0 / (1.0 + np.exp(-tip)) + 0.8 * ripple
    papillary = far_field(part)
    for x, y, z in ((52, -58, -98), (60, -74, -72)):
        start, end = at(x, y, z), at(x - 14, y + 9, z + 9)
        add_tube(papillary, part, [start, end], [4.5 * k, 3.0 * k])
    cavity = np.maximum(cavity, -papillary)

    right = _solid(part, at(8, -85, -74), np.array([46, 28, 39]) * k,
                   tilted_axes((0.85, -0.1, -0.5)))  # fmt: skip
    right = smooth_max(right + 1.5 * wave, -(left - 0.8), 5.0)
    add_tube(right, part, [at(12, -94, -58), at(22, -90, -34), at(22, -84, -24)],
             [17 * k, 14 * k, 13 * k], 10.0)  # fmt: skip
    right_atrium = _solid(part, at(-31, -64, -62), np.array([22, 26, 32]) * k) + 1.6 * wave
    add_ellipsoid(right_atrium, part, at(-20, -86, -46), np.array([17, 15, 13]) * k, None, 8.0)
    left_atrium = _solid(part, at(6, -43, -48), np.array([31, 15, 20]) * k) + 1.3 * wave
    add_tube(left_atrium, part, [at(26, -50, -42), at(44, -62, -34)], [9 * k, 6 * k], 7.0)
    # The septum between the atria is thin, and each keeps to its side.
    right_atrium = np.maximum(right_atrium, -(left_atrium - 3.0))
    root = far_field(part)
    add_tube(root, part, [at(24, -66, -62), at(6, -68, -44), at(-6, -72, -20)],
             [11 * k, 16 * k, 15 * k])  # fmt: skip
    right = np.maximum(right, -(root - 2.5))
    right_atrium = np.maximum(right_atrium, -(root - 2.5))

    mitral, tricuspid = far_field(part), far_field(part)
    add_tube(mitral, part, [at(14, -46, -54), at(32, -58, -72)], [13 * k, 13 * k])
    add_tube(tricuspid, part, [at(-22, -70, -70), at(-2, -80, -76)], [14 * k, 14 * k])
    within = RIGHT_WALL_MM + 0.9 * ripple
    right_cavity = np.maximum(right + within, -(left - 1.0))
    left_blood = np.minimum(np.minimum(cavity, left_atrium), np.minimum(mitral, root))
    right_blood = np.minimum(right_cavity, right_atrium)
    right_blood = np.minimum(right_blood, np.maximum(tricuspid, -(left - 1.0)))
    right_blood = np.maximum(right_blood, -(left_blood - 2.0))
    muscle = np.minimum(np.minimum(left, right), np.minimum(left_atrium, right_atrium)
                        - ATRIUM_WALL_MM)  # fmt: skip
    muscle = np.minimum(muscle, np.minimum(root, np.minimum(mitral, tricuspid)) - 1.6)
    ventricles, atria = smooth_min(left, right, 22.0), smooth_min(left_atrium, right_atrium, 16.0)
    bag = smooth_min(smooth_min(ventricles, atria, 20.0), np.minimum(root, mitral), 8.0)
    fat = 1.5 + 3.0 * body.heart_fat + (1.2 + 1.5 * body.heart_fat) * np.clip(wave, -1.0, 2.0)
    grooves = (
        np.array([at(20, -78, -34), at(34, -92, -52), at(52, -100, -74), at(66, -102, -96)]),
        np.array([at(0, -80, -36), at(-18, -92, -54), at(-20, -88, -82), at(-6, -66, -104)]),
        np.array([at(18, -72, -36), at(40, -58, -46), at(56, -42, -60), at(58, -36, -84)]),
    )
    return Heart(
        box,
        (bag - fat).astype(np.float32),
        muscle.astype(np.float32),
        left_blood.astype(np.float32),
        right_blood.astype(np.float32),
        grooves,
    )


def _solid(
    grid: CoarseGrid, center: ArrayLike, radii: ArrayLike, axes: ArrayLike | None = None
) -> Field:
    field = far_field(grid)
    add_ellipsoid(field, grid, center, radii, axes)
    return field
