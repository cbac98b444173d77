"""The coarse grid on which smooth anatomy is computed, and the way from there to the voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Field = NDArray[np.float32]
"""Shape (z, y, x) on a coarse grid. Signed distances are in mm, negative inside."""


@dataclass(frozen=True, eq=False)
class CoarseGrid:
    """Sample points of smooth fields, in anatomy mm (LPS axes, origin at the carina).

    Args:
        x_mm: shape (nx,), evenly spaced by ``step_mm``; likewise y_mm and z_mm.
        step_mm: the spacing.
        warped: three arrays (nz, ny, nx): x, y and z after a smooth random displacement, so that
            no two chests are the same and none is symmetric.
    """

    x_mm: Field
    y_mm: Field
    z_mm: Field
    step_mm: float
    warped: tuple[Field, Field, Field]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of points along z, y and x."""
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)

    def box(self, low_xyz: NDArray[np.float64], high_xyz: NDArray[np.float64]) -> tuple[slice, ...]:
        """Index slices (z, y, x) of the points between two corners."""
        axes = (self.x_mm, self.y_mm, self.z_mm)
        found = [
            slice(int(np.searchsorted(a, lo)), int(np.searchsorted(a, hi, "right")))
            for a, lo, hi in zip(axes, low_xyz, high_xyz, strict=True)
        ]
        return tuple(reversed(found))

    def part(self, box: tuple[slice, ...]) -> CoarseGrid:
        """The grid of the points within index slices (z, y, x)."""
        k, j, i = box
        x, y, z = (w[box] for w in self.warped)
        return CoarseGrid(self.x_mm[i], self.y_mm[j], self.z_mm[k], self.step_mm, (x, y, z))

    def sample(self, field: Field, points_xyz: NDArray[np.float64]) -> NDArray[np.float32]:
        """Values of a field at points of shape (n, 3) in anatomy mm (linear)."""
        first = np.array([self.x_mm[0], self.y_mm[0], self.z_mm[0]])
        index = ((points_xyz - first) / self.step_mm)[:, ::-1].T
        return np.asarray(map_coordinates(field, index, order=1, mode="nearest"), np.float32)

    def warp(self, point_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where a point, shape (3,) in anatomy mm, lies before the displacement.

        A shape drawn there on :attr:`warped` comes to lie at the point.
        """
        return np.array([float(self.sample(axis, point_xyz[None])[0]) for axis in self.warped])


def make_grid(
    low_xyz: tuple[float, float, float],
    high_xyz: tuple[float, float, float],
    step_mm: float,
    warp_mm: float,
    rng: np.random.Generator,
) -> CoarseGrid:
    """A grid that covers two corners with a margin, warped by about ``warp_mm``."""
    axes = [
        np.arange(lo - 2 * step_mm, hi + 3 * step_mm, step_mm, dtype=np.float32)
        for lo, hi in zip(low_xyz, high_xyz, strict=True)
    ]
    x, y, z = axes
    shape = (len(z), len(y), len(x))
    warps = [warp_mm * smooth_noise(shape, 60.0 / step_mm, rng) for _ in range(3)]
    warped = (x[None, None, :] + warps[0], y[None, :, None] + warps[1], z[:, None, None] + warps[2])
    return CoarseGrid(x, y, z, step_mm, warped)


def smooth_noise(
    shape: tuple[int, int, int], correlation: float, rng: np.random.Generator
) -> Field:
    """Gaussian noise of unit variance that varies over about ``correlation`` samples."""
    knots = tuple(max(4, int(np.ceil(n / correlation)) + 3) for n in shape)
    noise = rng.standard_normal(knots, dtype=np.float32)
    deep, tall, wide = (
        interpolation_matrix(
            np.arange(k, dtype=np.float32), 1.0 + (k - 3.001) * np.arange(n) / max(n - 1, 1)
        )
        for n, k in zip(shape, knots, strict=True)
    )
    noise = tall @ (noise @ wide.T)
    made = (1.35 * deep) @ noise.reshape(knots[0], -1)
    return np.asarray(made.reshape(shape), dtype=np.float32)


def smooth_min(a: Field, b: Field, k: float) -> Field:
    """Union of two signed distances with edges rounded over ``k`` mm (polynomial, C1)."""
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.asarray(np.minimum(a, b) - h * h * (k / 4.0), dtype=np.float32)


def smooth_max(a: Field, b: Field, k: float) -> Field:
    """Intersection of two signed distances with edges rounded over ``k`` mm."""
    return -smooth_min(-a, -b, k)


def interpolation_matrix(coarse_mm: Field, fine_mm: NDArray[np.float64]) -> Field:
    """Catmull-Rom weights from evenly spaced samples to points, shape (fine, coarse).

    Args:
        coarse_mm: evenly spaced coordinates; at least one more on each side than needed.
        fine_mm: where values are wanted.
    """
    step = float(coarse_mm[1] - coarse_mm[0])
    position = np.clip((fine_mm - coarse_mm[0]) / step, 1.0, len(coarse_mm) - 2.001)
    left = np.floor(position).astype(int)
    t = position - left
    weights = np.stack([
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    ])  # fmt: skip
    matrix = np.zeros((len(fine_mm), len(coarse_mm)), dtype=np.float32)
    for offset in range(4):
        matrix[np.arange(len(fine_mm)), left + offset - 1] += weights[offset]
    return matrix
