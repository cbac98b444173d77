"""Where a picture lies in the patient: a rectangle in an LPS plane.

Radiological convention: the viewer looks from the feet (axial) or from the front (coronal), so
the patient's right is on the image's left; a sagittal view has the front on the left. The head
is up in both of the latter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float64]

_NOT_ALONG = 1e-9
"""A step's share along another axis that is rounding."""


class AnatomicalPlane(str, Enum):
    """An anatomical plane."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


_AXES: dict[AnatomicalPlane, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    AnatomicalPlane.AXIAL: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    AnatomicalPlane.CORONAL: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    AnatomicalPlane.SAGITTAL: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
"""LPS directions of the picture's x (to the right) and y (down)."""

LETTERS: dict[AnatomicalPlane, tuple[str, str, str, str]] = {
    AnatomicalPlane.AXIAL: ("R", "L", "A", "P"),
    AnatomicalPlane.CORONAL: ("R", "L", "H", "F"),
    AnatomicalPlane.SAGITTAL: ("A", "P", "H", "F"),
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

    plane: AnatomicalPlane
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
        rows, columns = linear @ down * self.pixel_mm, linear @ right * self.pixel_mm
        i, j = _only_axis(rows), _only_axis(columns)
        if order == 1 and i is not None and j is not None:
            (fixed,) = {0, 1, 2} - {i, j}
            at = (
                start[[fixed]],
                start[i] + rows[i] * np.arange(self.height),
                start[j] + columns[j] * np.arange(self.width),
            )
            return np.asarray(_sample_along_axes(array.transpose(fixed, i, j), at, outside)[0])
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


def _only_axis(step: FloatArray) -> int | None:
    """The index axis that a step runs along, None where it runs along several."""
    along = np.flatnonzero(np.abs(step) > _NOT_ALONG * np.abs(step).max())
    return int(along[0]) if len(along) == 1 else None


def _sample_along_axes(
    array: NDArray[Any], at: Sequence[FloatArray], outside: float
) -> NDArray[np.float32]:
    """Sample linearly at all combinations of indices, one axis after the other.

    Args:
        array: three axes, any real type.
        at: for each axis, fractional indices.
        outside: value beyond the volume.

    Returns:
        As many values along each axis as there are indices.
    """
    lasts = [n - 1 for n in array.shape]
    lows = [np.clip(np.floor(line), 0, n).astype(int) for line, n in zip(at, lasts, strict=True)]
    # A small part of a volume that may be in any order: copied once.
    part = tuple(slice(low.min(), low.max() + 2) for low in lows)
    near = array[part].astype(np.float32)
    is_inside = np.ones((1, 1, 1), bool)
    for axis, (line, low, last) in enumerate(zip(at, lows, lasts, strict=True)):
        others = tuple({0, 1, 2} - {axis})
        is_inside = is_inside & np.expand_dims((line >= 0) & (line <= last), others)
        weight = np.expand_dims((line - low).astype(np.float32), others)
        start = part[axis].start
        first = near.take(low - start, axis)
        second = near.take(np.minimum(low + 1, last) - start, axis)
        near = first + (second - first) * weight
    return np.where(is_inside, near, np.float32(outside))


def whole_frame(
    plane: AnatomicalPlane, geometry: Geometry, center_lps_mm: ArrayLike, *, longest_side: int
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
