"""The chest wall unrolled: density by height, angle and distance from the pleura.

Muscles and the fat between them are a few millimetres thick, too fine for the coarse grid. Along
the wall they change slowly, so they are drawn on a grid that follows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import Field
from nodulus.app.data.phantom.muscles import Layer, draw_layers

FIRST_MM, STEP_MM, DEPTHS = -9.0, 0.8, 160
ANGLES = 560
"""On each side."""
FAT_HU, MUSCLE_HU, BONE_HU = -100.0, 55.0, 560.0


@dataclass(frozen=True, eq=False)
class WallMap:
    """The unrolled wall.

    Args:
        z_mm: shape (n,), anatomy mm.
        hu: shape (n, angles of the right and the left side, depths).
        reach_mm: shape (n, angles), where the outermost muscle ends.
    """

    z_mm: Field
    hu: NDArray[np.float32]
    reach_mm: Field

    def plane(self, z: float) -> NDArray[np.float32]:
        """Densities at a height (linear), shape (angles, depths)."""
        step = float(self.z_mm[1] - self.z_mm[0])
        at = float(np.clip((z - self.z_mm[0]) / step, 0, len(self.z_mm) - 1.001))
        low, part = int(at), np.float32(at - int(at))
        return np.asarray(self.hu[low] + part * (self.hu[low + 1] - self.hu[low]))


def side_angle(azimuth: Field, left: NDArray[np.bool_]) -> Field:
    """Index along the angles of both sides: right -pi to 0, left 0 to pi."""
    step = np.float32(ANGLES / np.pi)
    turned = np.where(left, azimuth, -azimuth) * step + np.float32(ANGLES - 0.5)
    return np.asarray(np.clip(turned, 0.0, 2 * ANGLES - 1.001), dtype=np.float32)


def sample(plane: NDArray[np.float32], angle: Field, distance_mm: Field) -> NDArray[np.float32]:
    """Values of a plane at angles (indices) and distances from the pleura, shape (n,); linear."""
    deep = np.clip((distance_mm - FIRST_MM) * np.float32(1 / STEP_MM), 0, DEPTHS - 1.001)
    row, column = angle.astype(np.int32), deep.astype(np.int32)
    ta, td = angle - row, deep - column
    flat, first = plane.ravel(), row * DEPTHS + column
    near = flat[first] * (1 - td) + flat[first + 1] * td
    far = flat[first + DEPTHS] * (1 - td) + flat[first + DEPTHS + 1] * td
    return np.asarray(near + (far - near) * ta, dtype=np.float32)


def make_wall_map(body: Anatomy, z_mm: Field, rng: np.random.Generator) -> WallMap:
    """Draw both sides.

    Args:
        body: the numbers.
        z_mm: heights, evenly spaced, anatomy mm.
        rng: random numbers.
    """
    hu = np.full((len(z_mm), 2 * ANGLES, DEPTHS), FAT_HU, dtype=np.float32)
    reach = np.empty((len(z_mm), 2 * ANGLES), dtype=np.float32)
    azimuth = ((np.arange(ANGLES) + 0.5) * (np.pi / ANGLES)).astype(np.float32)
    for side in (0, 1):
        layers, outside = draw_layers(body, z_mm - body.apex_z, azimuth, rng)
        # The left half runs on from the spine, the right one towards it.
        half = hu[:, ANGLES:] if side else hu[:, ANGLES - 1 :: -1]
        _intercostals(half, body, azimuth, rng)
        for layer in layers:
            _paint(half, layer, float(rng.uniform(-6.0, 6.0)))
        _spine_of_scapula(half, body, z_mm, azimuth, layers)
        reach[:, ANGLES:] = outside if side else reach[:, ANGLES:]
        if not side:
            reach[:, :ANGLES] = outside[:, ::-1]
    return WallMap(z_mm, hu, reach)


def _depths(first: int, last: int) -> Field:
    return (FIRST_MM + STEP_MM * np.arange(first, last)).astype(np.float32)


def _paint(half: NDArray[np.float32], layer: Layer, brighter_hu: float) -> None:
    """Blend one layer in, in the box that it lies in."""
    there = layer.thickness_mm > 0
    if not there.any():
        return
    rows, used_columns = (np.nonzero(there.any(axis=n))[0] for n in (1, 0))
    value = BONE_HU if layer.bone else MUSCLE_HU + brighter_hu
    columns = slice(int(used_columns[0]), int(used_columns[-1]) + 1)
    # Few heights at a time, so that the box in depth stays small.
    for first in range(int(rows[0]), int(rows[-1]) + 1, 4):
        box = (slice(first, min(first + 4, int(rows[-1]) + 1)), columns)
        inner, thick = layer.inner_mm[box], layer.thickness_mm[box]
        used = thick > 0
        if not used.any():
            continue
        low = int(max((inner[used].min() - FIRST_MM) / STEP_MM - 1, 0))
        high = int(min(((inner + thick)[used].max() - FIRST_MM) / STEP_MM + 2, DEPTHS))
        if high <= low:
            continue
        depth = _depths(low, high)
        middle, half_thick = (inner + 0.5 * thick)[..., None], (0.5 * thick)[..., None]
        covered = np.clip((half_thick - np.abs(depth - middle)) / STEP_MM + 0.5, 0.0, 1.0)
        covered *= used[..., None]
        part = half[box[0], box[1], low:high]
        part += (value - part) * covered


def _intercostals(
    half: NDArray[np.float32], body: Anatomy, azimuth: Field, rng: np.random.Generator
) -> None:
    """Two sheets between the ribs with fat between and beside them."""
    depth = _depths(0, 40)[None, :]
    s = body.scale
    wave = rng.uniform(-0.5, 0.5, (len(azimuth) // 12 + 2,))
    wave = np.interp(np.arange(len(azimuth)) / 12.0, np.arange(len(wave)), wave)[:, None]
    inner = np.clip((2.2 - np.abs(depth - (3.4 + wave) * s)) / STEP_MM + 0.5, 0, 1)
    outer = np.clip((2.0 - np.abs(depth - (8.2 + wave) * s)) / STEP_MM + 0.5, 0, 1)
    there = np.clip((azimuth - 0.3) * 8, 0, 1) * np.clip((2.75 - azimuth) * 6, 0, 1)
    covered = ((inner + outer) * there[:, None]).astype(np.float32)
    half[:, :, :40] += (np.float32(MUSCLE_HU - 8.0) - FAT_HU) * covered


def _spine_of_scapula(
    half: NDArray[np.float32], body: Anatomy, z_mm: Field, azimuth: Field, layers: list[Layer]
) -> None:
    """The bar that runs from the blade outwards, further to the side the higher it is."""
    blade = next(layer for layer in layers if layer.bone)
    for n, height in enumerate((z_mm - body.apex_z) / body.scale):
        if not -46.0 < height < 6.0:
            continue
        foot = 0.78 + 0.5 * (height + 46.0) / 52.0
        start = float(np.interp(foot, azimuth, blade.inner_mm[n]))
        long = (12.0 + 0.25 * (height + 46.0)) * body.scale
        low = int((start - FIRST_MM) / STEP_MM)
        high = min(int((start + long - FIRST_MM) / STEP_MM), DEPTHS)
        depth = _depths(low, high)
        # It leans outwards, and is 5 mm thick at its end.
        line = foot + 0.010 * (depth - start)
        across = np.abs(azimuth[:, None] - line[None, :]) * (0.85 * body.half_width)
        thick = 1.8 + 1.6 * (depth - start) / long
        covered = np.clip((thick - across) / 1.2 + 0.5, 0, 1)
        half[n, :, low:high] += (BONE_HU - half[n, :, low:high]) * covered.astype(np.float32)
