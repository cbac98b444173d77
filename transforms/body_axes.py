"""A volume turned so that its axes run to the head, the back and the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from nodulus.transforms.geometry import Geometry

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class BodyAxes:
    """Which array axes run most nearly along LPS z, y and x, and which of them run against it.

    Args:
        order: the array axes that become the first (to the head), second (to the back) and third
            (to the left).
        flipped: of the three turned axes those that ran the other way.
    """

    order: tuple[int, int, int]
    flipped: tuple[int, ...]

    @classmethod
    def of(cls, geometry: Geometry) -> BodyAxes:
        """The axes of a grid; for an oblique one the nearest."""
        along = geometry.direction_irc[::-1]  # rows: z, y, x of LPS; columns: array axes
        _, best = linear_sum_assignment(-np.abs(along))
        order = (int(best[0]), int(best[1]), int(best[2]))
        return cls(order, tuple(k for k in range(3) if along[k, order[k]] < 0))

    def turn(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """A view of an array (I, R, C) with axes (z, y, x)."""
        return np.flip(array.transpose(self.order), self.flipped)

    def restore(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """The way back of :meth:`turn`."""
        back = np.argsort(self.order)
        return np.flip(array, self.flipped).transpose(back)

    def turned(self, geometry: Geometry) -> Geometry:
        """The geometry of what :meth:`turn` gives."""
        shape = [geometry.shape_irc[a] for a in self.order]
        affine: NDArray[Any] = geometry.affine_lps[:, [*self.order, 3]].copy()
        for k in self.flipped:
            affine[:3, 3] += affine[:3, k] * (shape[k] - 1)
            affine[:3, k] *= -1
        return Geometry((shape[0], shape[1], shape[2]), affine)
