"""The plane that all images of a stack share: matrix, pixel spacing and directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImagePlane:
    """An image plane without its place.

    Args:
        shape_rc: rows and columns.
        spacing_rc_mm: PixelSpacing, between rows first.
        row: unit LPS vector along a row, towards growing C.
        column: unit LPS vector along a column, towards growing R; orthogonal to ``row``.
    """

    shape_rc: tuple[int, int]
    spacing_rc_mm: tuple[float, float]
    row: FloatArray
    column: FloatArray

    @classmethod
    def from_orientation(
        cls,
        shape_rc: tuple[int, int],
        spacing_rc_mm: tuple[float, float],
        image_orientation_patient: ArrayLike,
    ) -> ImagePlane:
        """Build from ImageOrientationPatient, made exactly orthonormal."""
        row, column = np.asarray(image_orientation_patient, dtype=np.float64).reshape(2, 3)
        row = row / np.linalg.norm(row)
        column = column - row * float(column @ row)
        return cls(shape_rc, spacing_rc_mm, row, column / np.linalg.norm(column))

    def shift_from(self, orientation: ArrayLike) -> FloatArray:
        """How far the first pixel moves, mm, when an image is turned into this plane.

        Args:
            orientation: ImageOrientationPatient; the image is turned about its middle.
        """
        row, column = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
        across = (np.array(self.shape_rc) - 1) / 2 * self.spacing_rc_mm
        turned = (column - self.column) * across[0] + (row - self.row) * across[1]
        return np.asarray(turned, dtype=np.float64)

    @property
    def slice_axis(self) -> FloatArray:
        """Unit vector along which slices are counted: the normal, towards the head if axial.

        The normal is row direction x column direction (DICOM PS3.3 C.7.6.2.1.1). It is turned
        round only where it lies nearest to the body axis and points to the feet.
        """
        normal = np.cross(self.row, self.column)
        points_to_feet = int(np.argmax(np.abs(normal))) == 2 and normal[2] < 0
        return np.asarray(-normal if points_to_feet else normal)


def angle_degrees(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> float:
    """The larger angle between two images' rows and between their columns; 180 if one has none."""
    if a is None or b is None:
        return 0.0 if a is b else 180.0
    directions = np.array([a, b], dtype=np.float64).reshape(2, 2, 3)
    lengths = np.linalg.norm(directions, axis=2, keepdims=True)
    if not np.all(lengths > 0):
        return 0.0 if a == b else 180.0
    first, second = directions / lengths
    # The half-angle formula keeps its digits where the cosine is near 1.
    chord = float(np.max(np.linalg.norm(first - second, axis=1)))
    return math.degrees(2 * math.asin(min(1.0, chord / 2)))
