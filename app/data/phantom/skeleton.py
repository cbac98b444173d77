"""Ribs, spine, breastbone, collar bones and humeri as signed distances."""

from __future__ import annotations

import numpy as np

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.cavity import Cavity
from nodulus.app.data.phantom.chest_wall import arm_path
from nodulus.app.data.phantom.grid import CoarseGrid, Field, smooth_min
from nodulus.app.data.phantom.signed_distances import FAR_MM, add_ellipsoid, add_tube, far_field

VERTEBRA_MM = 23.0
RIB_DEPTH_MM = 6.5


def rib_heights(body: Anatomy, azimuth: Field) -> list[Field]:
    """Height z of the twelve ribs' axes at an azimuth; they fall forwards."""
    heights = []
    for rib in range(12):
        start = body.apex_z + (4.0 - VERTEBRA_MM * rib) * body.scale
        fall = (50.0 + 10.0 * min(rib, 7)) * body.scale
        shape = np.minimum(azimuth, 2.35) / 2.3 - 0.45 * np.maximum(azimuth - 2.35, 0.0)
        heights.append((start - fall * shape).astype(np.float32))
    return heights


def make_ribs(body: Anatomy, grid: CoarseGrid, cavity: Cavity) -> tuple[Field, Field]:
    """Ribs with bone, and the costal cartilage in front of them."""
    z = grid.warped[2]
    bone, cartilage = far_field(grid), far_field(grid)
    shell = np.nonzero(np.abs(cavity.distance_mm - RIB_DEPTH_MM) < 22.0)
    radial = cavity.distance_mm[shell] - RIB_DEPTH_MM * body.scale
    azimuth, height = cavity.azimuth[shell], z[shell]
    reach = body.half_width * 0.85
    best_bone = np.full(radial.shape, 30.0, np.float32)
    best_cartilage = best_bone.copy()
    for rib, axis in enumerate(rib_heights(body, azimuth)):
        end = (2.5, 2.45, 2.4, 2.35, 2.3, 2.25, 2.2, 2.1, 2.0, 1.85, 1.4, 0.9)[rib]
        inplane = (height - axis) * 0.86 / 5.6
        across = radial / 3.5
        ratio = np.sqrt(inplane**2 + across**2) + 1e-4
        distance = (ratio - 1.0) * np.hypot((height - axis) * 0.86, radial) / ratio
        distance = np.maximum(distance, -3.5)
        start = (0.20 - azimuth) * reach
        best_bone = np.minimum(
            best_bone, np.maximum(distance, np.maximum((azimuth - end) * reach, start))
        )
        if rib < 10:
            sides = np.maximum((end - azimuth) * reach, (azimuth - end - 0.75) * reach)
            best_cartilage = np.minimum(best_cartilage, np.maximum(distance, sides))
    bone[shell], cartilage[shell] = best_bone, best_cartilage
    return bone, cartilage


def make_spine(body: Anatomy, grid: CoarseGrid) -> tuple[Field, Field]:
    """Vertebrae, and the bare column's outline."""
    whole, s = grid, body.scale
    low = np.array([-75.0 * s, body.spine_y - 36.0 * s, grid.z_mm[0] - 1.0])
    high = np.array([75.0 * s, body.spine_y + 75.0 * s, grid.z_mm[-1] + 1.0])
    box = whole.box(low, high)
    grid = whole.part(box)
    x, y, z = grid.warped
    u = (y - body.spine_y) / s
    phase = ((z - body.apex_z) / s) / VERTEBRA_MM
    level = phase - np.round(phase)  # 0 at a vertebra's middle, +-0.5 at the discs
    waist = 1.0 + 0.10 * (2.0 * level) ** 2
    ratio = np.sqrt((x / s / (17.0 * waist)) ** 2 + (u / (14.5 * waist)) ** 2) + 1e-4
    body_distance = ((ratio - 1.0) * np.hypot(x / s, u) / ratio) * s
    disc = (np.abs(level) - 0.39) * VERTEBRA_MM * s
    vertebra = np.maximum(np.maximum(body_distance, disc), -12.0)
    canal = np.hypot(x / s, u - 23.0)
    lean = 1.0 + 0.18 * np.sin(2.3 * np.round(phase))  # no two levels are alike
    arch = np.maximum(np.abs(canal - 11.0) - 2.4, (np.abs(level) - 0.36) * VERTEBRA_MM)
    arch = np.maximum(arch, 15.0 - u)
    # Spinous process: it falls, thickens at its end and leans to a side.
    behind = np.clip((u - 33.0) / 22.0, 0.0, 1.0)
    drop = level + 0.1 + 0.35 * behind
    bent = x / s - 2.5 * behind * np.sin(1.7 * np.round(phase))
    spinous = np.maximum(np.abs(bent) - (2.1 + 2.0 * behind**3), np.abs(u - 42.0) - 12.5 * lean)
    spinous = np.maximum(spinous, (np.abs(drop) - 0.2) * VERTEBRA_MM)
    # Transverse processes: they run backwards, taper and end in a knob.
    out = np.clip((np.abs(x / s) - 9.0) / 26.0, 0.0, 1.2)
    thick = 4.2 - 2.6 * out + 2.8 * np.exp(-(((out - 0.95) / 0.2) ** 2))
    transverse = np.hypot(u - 26.0 - 9.0 * out, (level + 0.02) * VERTEBRA_MM) - thick
    transverse = np.maximum(transverse, np.abs(np.abs(x / s) - 22.0) - 13.0 * lean)
    # Joints between the arches.
    joint = np.hypot(np.abs(x / s) - 12.5, u - 28.0) - 4.2
    processes = np.minimum(np.minimum(arch, spinous), np.minimum(transverse, joint)) * s
    bone = smooth_min(vertebra.astype(np.float32), processes.astype(np.float32), 3.0)
    # The lungs' gutter ends beside the processes: flesh covers them, wider towards the back.
    wedge = np.maximum(np.abs(x / s) - 18.0 - 0.78 * np.maximum(u - 9.0, 0.0), -u) * s * 0.75
    column = smooth_min(body_distance.astype(np.float32), wedge.astype(np.float32), 4.0)
    made = far_field(whole), far_field(whole)
    made[0][box], made[1][box] = np.minimum(bone, np.float32(FAR_MM)), column
    return made


def make_other_bones(body: Anatomy, grid: CoarseGrid, cavity: Cavity) -> Field:
    """Breastbone, collar bones and humeri."""
    s = body.scale
    top = body.apex_z - 42.0 * s
    front = body.back_y - 2.0 * body.half_depth
    low = np.array([-50.0 * s, front - 60.0, top - 190.0 * s])
    box = grid.box(low, np.array([50.0 * s, front + 110.0, top + 20.0]))
    x, _, z = (w[box] for w in grid.warped)
    down = (top - z) / s
    # Handle, body and tip; notches where cartilage joins.
    half = np.interp(down, (0, 22, 44, 60, 110, 135, 150, 172), (27, 29, 17, 15, 19, 17, 8, 4))
    half = half + 1.6 * np.cos(down * (2 * np.pi / 19.0))
    thick = np.interp(down, (0, 30, 50, 130, 172), (6.5, 6.5, 5.2, 4.6, 3.2))
    bow = 2.5 * np.clip(np.abs(x / s) / half, 0, 1.5) ** 2
    depth = cavity.distance_mm[box] / s - 8.5 - bow
    ratio = (np.abs(x / s / half) ** 2.6 + np.abs(depth / thick) ** 2.6) ** (1 / 2.6) + 1e-3
    plate = (ratio - 1.0) * np.minimum(np.hypot(x / s, depth) / ratio, thick) * s
    joint = 3.0 - np.abs(down - 47.0)  # between handle and body
    plate = np.maximum(plate, np.maximum(np.maximum(z - top, top - 172.0 * s - z), joint))
    bone = far_field(grid)
    bone[box] = np.minimum(np.where(cavity.azimuth[box] > 2.0, plate, FAR_MM), FAR_MM)
    front = body.back_y - 1.22 * body.half_depth
    for side in (-1.0, 1.0):
        path = [(side * 20 * s, front - 14, top + 4), (side * 60 * s, front - 16, top + 16 * s),
                (side * 125 * s, front + 30, top + 34 * s)]  # fmt: skip
        add_tube(bone, grid, path, [7 * s, 5.5 * s, 6 * s])
        add_ellipsoid(bone, grid, (side * 158 * s, body.back_y - 45, body.apex_z + 2),
                      np.array([22, 22, 24]) * s)  # fmt: skip
        if body.arms_down:
            arm = arm_path(body, side)
            add_tube(bone, grid, arm, [11.0 * s] * len(arm))
    return np.asarray(bone, dtype=np.float32)
