"""One axial plane: every tissue in its order, each only where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.couch import ROOM_AIR_HU
from nodulus.app.data.phantom.wall_map import FAT_HU, FIRST_MM, sample, side_angle

FloatArray = NDArray[np.float32]

SKIN_HU, SKIN_MM = 35.0, 1.9
SOFT_HU, ORGAN_HU = 44.0, 60.0
CORTEX_HU, CARTILAGE_HU = 780.0, 105.0


def inside(distance: FloatArray, sharpness: float) -> FloatArray:
    """How much of a pixel lies within a surface, from its signed distance in mm."""
    return np.asarray(np.clip(0.5 - distance * np.float32(sharpness), 0, 1), dtype=np.float32)


def lay(
    out: FloatArray,
    distance: FloatArray,
    value: float | NDArray[np.floating],
    sharpness: float,
) -> None:
    """Blend a tissue in where its signed distance is negative, in place.

    Args:
        out: HU, any shape.
        distance: mm, shape of ``out``.
        value: its HU, one or one a pixel.
        sharpness: pixels per mm.
    """
    where = np.nonzero(distance < 0.5 / sharpness)
    if len(where[0]) == 0:
        return
    there = out[where]
    wanted = value[where] if isinstance(value, np.ndarray) else np.float32(value)
    out[where] = there + (wanted - there) * inside(distance[where], sharpness)


def paint_wall(
    out: FloatArray,
    values: dict[str, FloatArray],
    wall: FloatArray,
    is_left: NDArray[np.bool_],
    fine: FloatArray,
    wanted: NDArray[np.bool_],
    sharpness: float,
) -> None:
    """Skin, and under it fat and muscle, in place.

    Args:
        out: HU of the plane's box, shape (n, m).
        values: skin, wall_mm (from the pleura), azimuth and marbling, each of that shape.
        wall: the unrolled wall at this height.
        is_left: shape (m,), columns left of the midline.
        fine: fine noise of unit variance, of the box's shape.
        wanted: which pixels to paint, of that shape.
        sharpness: pixels per mm.
    """
    where = np.nonzero(wanted)
    skin, distance, marbling, azimuth = (
        values[name][where] for name in ("skin", "wall_mm", "marbling", "azimuth")
    )
    noise = fine[where]
    # Thin sheets cross the fat: where smooth noise passes through zero.
    tissue = FAT_HU + 6.0 * marbling + 4.0 * noise
    tissue += 34.0 * np.clip(1.0 - np.abs(marbling + 0.25 * noise) * 9.0, 0, 1) * (skin < -4.0)
    near = np.flatnonzero((distance > FIRST_MM) & ((distance > -0.5) | (azimuth < 0.6)))
    left = is_left[where[1][near]]
    laid = sample(wall, side_angle(azimuth[near], left), distance[near])
    # Muscle holds streaks of fat.
    share = np.clip((laid - FAT_HU) * np.float32(1 / 155.0), 0, 1)
    streaks = noise[near] + 0.6 * marbling[near]
    grain = 4.0 * marbling[near] - 15.0 * np.clip(streaks - 0.9, 0, 2.5)
    there = tissue[near]
    tissue[near] = there + share * (laid + grain - there)
    there = out[where]
    there += (SKIN_HU - there) * inside(skin, sharpness)
    there += (tissue - there) * inside(skin + SKIN_MM, sharpness)
    out[where] = there


def paint_inside(
    out: FloatArray,
    values: dict[str, FloatArray],
    body: Anatomy,
    fine: FloatArray,
    sharpness: float,
) -> None:
    """Organs, heart, vessels, oesophagus, in place; arguments as of :func:`paint_wall`."""
    marbling = values["marbling"]
    lift = 45.0 if body.has_contrast else 0.0
    lay(out, values["organs"], ORGAN_HU + lift + 4.0 * marbling, sharpness)
    # Flesh is a bundle of small muscles with fat between.
    planes = np.clip(1.0 - np.abs(marbling + 0.3 * fine - 0.1) * 5.0, 0, 1)
    lay(out, values["soft"], SOFT_HU + 5.0 * marbling - 75.0 * planes, sharpness)
    lay(out, values["muscle"], body.blood.myocardium + 3.0 * marbling, sharpness)
    lay(out, values["blood"], values["blood_hu"], sharpness)
    lay(out, values["air"], ROOM_AIR_HU, sharpness)


def paint_bone(
    out: FloatArray,
    values: dict[str, FloatArray],
    body: Anatomy,
    fine: FloatArray,
    sharpness: float,
) -> None:
    """Cartilage, cortex of changing thickness and marrow with trabeculae, in place."""
    marbling = values["marbling"]
    lay(out, values["cartilage"], CARTILAGE_HU + 30.0 * marbling, sharpness)
    bone = values["bone"] + 0.35 * marbling
    lay(out, bone, CORTEX_HU - 170.0 * np.clip(marbling + 0.5 * fine, -1.5, 2), sharpness)
    marrow = body.marrow_hu + 0.22 * body.marrow_hu * marbling + 0.26 * body.marrow_hu * fine
    # Trabeculae grow denser towards the cortex.
    marrow += 0.5 * body.marrow_hu * np.exp(np.clip(bone + 1.2, -12.0, 0.0) / 2.2)
    lay(out, bone + 1.15 + 0.45 * marbling, marrow, sharpness)
