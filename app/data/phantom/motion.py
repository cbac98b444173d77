"""How a body lies and breathes on a second scan, as a map between the two scans' points.

The breath moves the diaphragm and all near it along the body's axis, the less the higher a place
lies, and the chest's front a quarter as far; the body turns a little on the table; and a smooth
wave moves everything by a millimetre or two. Ribs and soft tissue follow the same map, so that the
wall is no more rigid than the lung: a simplification.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.pair_recipe import PairRecipe
from nodulus.app.data.phantom.recipe import draw

FloatArray = NDArray[np.float64]

_WAVE_LENGTH_MM = 110.0
_FRONT_SHARE = 0.25
_INVERSE_STEPS = 12


@dataclass(frozen=True, eq=False)
class Motion:
    """Where a point of the second scan was on the first; both in anatomy mm (LPS axes).

    Args:
        breath_mm: how much deeper the diaphragm stands on the second scan; less than 0 higher.
        apex_z: where the breath moves nothing.
        dome_z: from where on it moves everything alike.
        back_y: the body's back, which does not move forwards.
        depth_mm: from back to front.
        turn: rotation, shape (3, 3), from the second scan's axes to the first's.
        wave_mm: amplitude of the wave, shape (3,).
        phase: of the wave, shape (3, 3): for each axis along each.
    """

    breath_mm: float
    apex_z: float
    dome_z: float
    back_y: float
    depth_mm: float
    turn: FloatArray
    wave_mm: FloatArray
    phase: FloatArray

    def to_first(self, points_xyz: ArrayLike) -> FloatArray:
        """Map points (..., 3) of the second scan to the first."""
        points = np.asarray(points_xyz, dtype=np.float64)
        share, front = self._share(points[..., 2]), self._front(points[..., 1])
        moved = points.copy()
        moved[..., 2] += self.breath_mm * share
        moved[..., 1] += _FRONT_SHARE * self.breath_mm * share * front
        for axis in range(3):
            angle = 2.0 * np.pi / _WAVE_LENGTH_MM * points + self.phase[axis]
            moved[..., axis] += self.wave_mm[axis] * np.sin(angle).mean(axis=-1)
        return moved @ self.turn.T

    def to_first_on_grid(
        self, xs: FloatArray, ys: FloatArray, zs: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Map the points of an axial grid to the first scan, as a sum of two terms.

        Args:
            xs: of the columns, shape (c,).
            ys: of the rows, shape (r,).
            zs: of the slices, shape (i,).

        Returns:
            What the columns add, shape (c, 3), and what slices and rows do, shape (i, r, 3): a
            point is the sum of the two.
        """
        share, front = self._share(zs), self._front(ys)
        terms = []
        for axis, line in enumerate((xs, ys, zs)):
            term = np.zeros((len(line), 3))
            term[:, axis] = line
            angle = 2.0 * np.pi / _WAVE_LENGTH_MM * line[:, None] + self.phase[:, axis]
            terms.append(term + self.wave_mm / 3.0 * np.sin(angle))
        terms[2][:, 2] += self.breath_mm * share
        across = terms[1][None, :] + terms[2][:, None]
        across[..., 1] += _FRONT_SHARE * self.breath_mm * share[:, None] * front
        return terms[0] @ self.turn.T, across @ self.turn.T

    def to_second(self, points_xyz: ArrayLike) -> FloatArray:
        """Map points (..., 3) of the first scan to the second, by fixed-point iteration."""
        wanted = np.asarray(points_xyz, dtype=np.float64)
        found = wanted @ self.turn
        for _ in range(_INVERSE_STEPS):
            found = found + (wanted - self.to_first(found)) @ self.turn
        return found

    def _share(self, z: FloatArray) -> FloatArray:
        """How much of the breath there is at a height, 0 to 1."""
        height = np.clip((self.apex_z - z) / (self.apex_z - self.dome_z), 0.0, 1.0)
        return np.asarray(height * height * (3.0 - 2.0 * height))

    def _front(self, y: FloatArray) -> FloatArray:
        """How far in front of the back a place lies, 0 to 1."""
        return np.asarray(np.clip((self.back_y - y) / self.depth_mm, 0.0, 1.0))


def draw_motion(recipe: PairRecipe, body: Anatomy, rng: np.random.Generator) -> Motion:
    """Draw how the body lies and breathes on its second scan."""
    angles = rng.uniform(-1.0, 1.0, 3) * recipe.turn_degrees
    return Motion(
        breath_mm=draw(recipe.breath_mm, rng),
        apex_z=body.apex_z,
        dome_z=body.dome_right_z,
        back_y=body.back_y,
        depth_mm=2.0 * body.half_depth,
        turn=Rotation.from_euler("xyz", angles, degrees=True).as_matrix(),
        wave_mm=rng.uniform(-1.0, 1.0, 3) * recipe.wave_mm,
        phase=rng.uniform(0.0, 2.0 * np.pi, (3, 3)),
    )
