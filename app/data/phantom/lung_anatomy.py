"""The lungs: their outline, lobes, fissures and the density of the tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.cavity import Cavity
from nodulus.app.data.phantom.grid import CoarseGrid, Field, smooth_max, smooth_noise
from nodulus.app.data.phantom.skeleton import rib_heights


def make_lungs(
    body: Anatomy, grid: CoarseGrid, cavity: Cavity, outline: Field, column: Field
) -> Field:
    """Signed distance of both lungs.

    Args:
        body: the numbers.
        grid: the grid.
        cavity: the envelope.
        outline: signed distance of the mediastinum.
        column: signed distance of the spine's outline.
    """
    # Ribs push the pleura in by about a millimetre, so that the inner wall is not smooth.
    bumps = np.zeros(grid.shape, dtype=np.float32)
    for axis in rib_heights(body, cavity.azimuth):
        bumps += np.exp(-(((grid.warped[2] - axis) / 8.0) ** 2))
    wall = cavity.distance_mm + 1.6 * bumps
    lungs = smooth_max(wall, cavity.above_apex_mm, 12.0)
    lungs = smooth_max(lungs, -np.minimum(outline, column - 3.0), 6.0)
    return smooth_max(lungs, -cavity.above_diaphragm_mm * 0.8, 3.0)


@dataclass(frozen=True)
class Fissures:
    """Three curved sheets. The oblique ones rise backwards; the horizontal one is on the right.

    Args:
        height: z of the right oblique, left oblique and horizontal sheet at the hilum.
        slope: dz/dy of each.
        wave: amplitude (mm) and phase of its curvature along x and y.
    """

    height: tuple[float, float, float]
    slope: tuple[float, float, float]
    wave: tuple[tuple[float, float, float, float], ...]

    def surface(
        self, which: int, x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Height z of a sheet at x, y (broadcast)."""
        ax, px, ay, py = self.wave[which]
        along_x = ax * np.cos(np.abs(x) / 38.0 + px)
        along_y = ay * np.sin(y / 45.0 + py) + self.slope[which] * y
        return np.asarray(self.height[which] + along_x + along_y)

    def steepness(self, which: int) -> float:
        """Factor from a vertical distance to the distance from the sheet."""
        return float(1.0 / np.hypot(1.0, self.slope[which]))

    def lobe(self, points_xyz: NDArray[np.float64]) -> NDArray[np.int64]:
        """Lobe of each point: 0 lower, 1 upper, 2 middle (right lung alone); shape (n,)."""
        x, y, z = points_xyz.T
        oblique = np.where(x < 0, self.surface(0, x, y), self.surface(1, x, y))
        middle = (x < 0) & (z < self.surface(2, x, y))
        return np.where(z < oblique, 0, np.where(middle, 2, 1)).astype(np.int64)


def draw_fissures(body: Anatomy, rng: np.random.Generator) -> Fissures:
    """Draw the three sheets of one chest."""
    s = body.scale
    wave = tuple(
        (float(rng.uniform(3, 8)), float(rng.uniform(0, 6)), float(rng.uniform(3, 8)),
         float(rng.uniform(0, 6)))
        for _ in range(3)
    )  # fmt: skip
    oblique = [float(rng.uniform(-55, -30)) * s for _ in range(2)]
    slopes = [float(rng.uniform(0.85, 1.25)) for _ in range(2)]
    horizontal = float(rng.uniform(-45, -25)) * s
    tilt = float(rng.uniform(-0.15, 0.1))
    return Fissures((oblique[0], oblique[1], horizontal), (slopes[0], slopes[1], tilt), wave)


def make_texture(body: Anatomy, grid: CoarseGrid, lungs: Field, rng: np.random.Generator) -> Field:
    """Density of the lung tissue in HU: level, gravity, broad texture, emphysema.

    Next to the pleura at the back the tissue is collapsed a little, in patches.
    """
    y = grid.warped[1]
    depth = (y - body.back_y + body.half_depth) / body.half_depth
    broad = smooth_noise(grid.shape, 18.0 / grid.step_mm, rng) * (0.35 * body.texture_hu)
    density = body.parenchyma_hu + body.gravity_hu * 0.5 * depth + broad
    patches = np.clip(0.6 + 0.8 * smooth_noise(grid.shape, 22.0 / grid.step_mm, rng), 0, 2)
    at_back = np.clip(depth - 0.15, 0, 1) * np.exp(np.minimum(lungs, 0.0) / 3.5)
    density += body.dependent_hu * at_back * patches
    if body.emphysema > 0:
        holes = smooth_noise(grid.shape, 9.0 / grid.step_mm, rng)
        upper = 1.0 / (1.0 + np.exp(-(grid.warped[2] - 10.0) / 30.0))
        amount = np.clip(holes - (1.7 - 0.9 * body.emphysema * upper), 0, 1)
        density = density + (-965.0 - density) * np.clip(amount * 2.5, 0, 0.95)
    return np.asarray(density, dtype=np.float32)
