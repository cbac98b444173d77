"""A grid along an expected surface: two axes in its plane, the third across it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from nodulus.transforms.geometry import Geometry


@dataclass(frozen=True, eq=False)
class SurfaceGrid:
    """Samples around a plane in which a fissure is expected.

    Args:
        geometry: the grid in LPS mm; its axes run along the plane twice, then across it.
        middle: the index on the third axis that lies in the plane.
    """

    geometry: Geometry
    middle: float

    @classmethod
    def around(
        cls,
        corner_lps_mm: ArrayLike,
        edges_mm: tuple[ArrayLike, ArrayLike],
        reach_mm: float,
        step_mm: float,
        height_step_mm: float,
        multiple: int,
    ) -> SurfaceGrid:
        """Span a grid over a parallelogram's plane.

        Args:
            corner_lps_mm: of a rectangle in the plane.
            edges_mm: its two edges from there, orthogonal, as LPS vectors.
            reach_mm: of the grid on either side of the plane.
            step_mm: along the plane.
            height_step_mm: across it.
            multiple: that the number of samples along either edge is made to be.
        """
        vectors = [np.asarray(edge, dtype=np.float64) for edge in edges_mm]
        lengths = [float(np.linalg.norm(vector)) for vector in vectors]
        first, second = (vector / length for vector, length in zip(vectors, lengths, strict=True))
        across = np.cross(first, second)
        counts = [multiple * int(np.ceil(length / step_mm / multiple)) for length in lengths]
        reach = int(np.ceil(reach_mm / height_step_mm))
        affine = np.eye(4)
        affine[:3, :3] = np.stack([first, second, across], axis=1)
        affine[:3, :3] *= (step_mm, step_mm, height_step_mm)
        affine[:3, 3] = np.asarray(corner_lps_mm) - reach * height_step_mm * across
        return cls(Geometry((counts[0], counts[1], 2 * reach + 1), affine), float(reach))

    @property
    def heights_mm(self) -> NDArray[np.float64]:
        """Of the samples over the plane, shape (third axis,)."""
        step = self.geometry.spacing_irc_mm[2]
        return np.asarray((np.arange(self.geometry.shape_irc[2]) - self.middle) * step)

    def sample(self, volume: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
        """Interpolate a volume linearly on the grid; 0 outside of it.

        Args:
            volume: shape ``geometry.shape_irc``.
            geometry: of the volume.

        Returns:
            Shape of the grid, float32.
        """
        matrix = np.linalg.inv(geometry.affine_lps) @ self.geometry.affine_lps
        axes = [np.arange(n, dtype=np.float32) for n in self.geometry.shape_irc]
        i, j, k = np.ix_(*axes)
        places = np.empty((*self.geometry.shape_irc, 3), np.float32)
        for axis, size in enumerate(geometry.shape_irc):
            a, b, c, start = (np.float32(2 * v / size) for v in matrix[axis])
            # grid_sample's coordinates: the volume's edges are -1 and 1, the last axis comes first
            places[..., 2 - axis] = a * i + b * j + c * k + (start + np.float32(1 / size - 1))
        sampled = torch.nn.functional.grid_sample(
            torch.from_numpy(np.ascontiguousarray(volume))[None, None],
            torch.from_numpy(places)[None],
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        return np.asarray(sampled[0, 0].numpy())
