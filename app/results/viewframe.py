"""Where a picture lies in the patient: a rectangle in an LPS plane.

Radiological convention: the viewer looks from the feet (axial) or from the front (coronal), so
the patient's right is on the image's left; a sagittal view has the front on the left. The head
is up in both of the latter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from transforms.geometry import Geometry

FloatArray = NDArray[np.float64]


class Plane(str, Enum):
    """An anatomical plane."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


_AXES: dict[Plane, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    Plane.AXIAL: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    Plane.CORONAL: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    Plane.SAGITTAL: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
"""LPS directions of the picture's x (to the right) and y (down)."""

LETTERS: dict[Plane, tuple[str, str, str, str]] = {
    Plane.AXIAL: ("R", "L", "A", "P"),
    Plane.CORONAL: ("R", "L", "H", "F"),
    Plane.SAGITTAL: ("A", "P", "H", "F"),
}
"""What lies to the left, right, top and bottom of a picture."""


@dataclass(frozen=True)
class ViewFrame:
    """A picture's place, with square pixels.

    Args:
        plane: the anatomical plane.
        center_lps_mm: the point in the picture's middle.
        pixel_mm: side of a pixel.
        width: pixels across.
        height: pixels down.
    """

    plane: Plane
    center_lps_mm: tuple[float, float, float]
    pixel_mm: float
    width: int
    height: int

    @property
    def axes_lps(self) -> FloatArray:
        """Shape (3, 3): the unit LPS vectors to the right, down and away from the viewer."""
        right, down = (np.asarray(axis) for axis in _AXES[self.plane])
        return np.stack([right, down, np.cross(right, down)])

    @property
    def origin_lps_mm(self) -> FloatArray:
        """Centre of the top left pixel."""
        right, down, _ = self.axes_lps
        half = (self.width - 1) / 2 * right + (self.height - 1) / 2 * down
        center = np.asarray(self.center_lps_mm, dtype=np.float64)
        return np.asarray(center - self.pixel_mm * half)

    def to_pixels(self, points_lps_mm: ArrayLike) -> FloatArray:
        """Project LPS points (..., 3) to x, y and depth (..., 3); depth in pixels too."""
        offset = np.asarray(points_lps_mm, dtype=np.float64) - self.origin_lps_mm
        return np.asarray(offset @ self.axes_lps.T / self.pixel_mm)

    def sample(
        self,
        array: NDArray[Any],
        geometry: Geometry,
        *,
        order: int = 1,
        outside: float = 0.0,
        depth_mm: float = 0.0,
    ) -> NDArray[np.float32]:
        """Sample a volume on this picture's pixels.

        Args:
            array: shape (I, R, C), any real type.
            geometry: its shape and place.
            order: 0 nearest, 1 linear.
            outside: value beyond the volume.
            depth_mm: how far from this plane, away from the viewer.

        Returns:
            Shape (height, width).
        """
        right, down, away = self.axes_lps
        linear = np.linalg.inv(geometry.affine_lps)[:3, :3]
        start = geometry.lps_to_index(self.origin_lps_mm + depth_mm * away)
        across = np.arange(self.width)[np.newaxis, :] * self.pixel_mm
        below = np.arange(self.height)[:, np.newaxis] * self.pixel_mm
        step_right, step_down = linear @ right, linear @ down
        coordinates = [
            start[axis] + step_right[axis] * across + step_down[axis] * below for axis in range(3)
        ]
        sampled = ndimage.map_coordinates(
            array, coordinates, output=np.float32, order=order, mode="constant", cval=outside
        )
        return np.asarray(sampled)


def whole_frame(
    plane: Plane, geometry: Geometry, center_lps_mm: ArrayLike, *, longest_side: int
) -> ViewFrame:
    """Give the frame that shows the whole volume in a plane through a point.

    Args:
        plane: the anatomical plane.
        geometry: the volume's.
        center_lps_mm: the plane goes through it; in the plane, the volume's middle is centred.
        longest_side: pixels of the longer side.
    """
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in geometry.shape_irc]))
    corners_lps = geometry.index_to_lps(corners.reshape(3, -1).T)
    axes = ViewFrame(plane, (0.0, 0.0, 0.0), 1.0, 1, 1).axes_lps
    extent = corners_lps @ axes.T
    low, high = extent.min(axis=0), extent.max(axis=0)
    middle = (low + high) / 2
    middle[2] = np.asarray(center_lps_mm, dtype=np.float64) @ axes[2]
    size = (high - low)[:2]
    pixel_mm = float(size.max() / longest_side)
    width, height = (max(1, int(np.ceil(side / pixel_mm))) for side in size)
    x, y, z = (float(value) for value in middle @ axes)
    return ViewFrame(plane, (x, y, z), pixel_mm, width, height)
