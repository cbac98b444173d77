"""Where a voxel lies in the patient.

Three spaces, and this module alone converts between them:

- ``irc``: the voxel index (slice I, row R, column C) of an array of shape ``(I, R, C)``;
  integer values are voxel centres.
- ``lps_mm``: DICOM's patient coordinates in millimetres, +x to the patient's left, +y to the
  back (posterior), +z to the head (DICOM PS3.3 C.7.6.2.1.1). LUNA16's and ITK's files use it too.
- ``ras_mm``: the same with x and y negated, as NIfTI and MONAI have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

LPS_TO_RAS: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4x4 matrix that takes LPS mm to RAS mm; it is its own inverse."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The shape and place of a volume whose array has the axes (I, R, C).

    Args:
        shape_irc: number of slices, rows and columns.
        affine_lps: 4x4 matrix that takes a homogeneous index ``(i, r, c, 1)`` to LPS mm.

    Raises:
        ValueError: the affine is not an invertible, finite 4x4 matrix with last row (0, 0, 0, 1).
    """

    shape_irc: tuple[int, int, int]
    affine_lps: FloatArray

    def __post_init__(self) -> None:
        affine = np.asarray(self.affine_lps, dtype=np.float64)
        if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
            raise ValueError(f"affine_lps must be a finite 4x4 matrix, got {affine!r}")
        if not np.array_equal(affine[3], (0.0, 0.0, 0.0, 1.0)):
            raise ValueError(f"the last row of affine_lps must be (0, 0, 0, 1), got {affine[3]}")
        scale = float(np.prod(np.linalg.norm(affine[:3, :3], axis=0)))
        if abs(np.linalg.det(affine[:3, :3])) <= 1e-6 * scale or scale == 0.0:
            raise ValueError(
                "affine_lps is singular: two of its axes coincide or one has no length"
            )
        affine = affine.copy()
        affine.setflags(write=False)
        object.__setattr__(self, "affine_lps", affine)
        object.__setattr__(self, "shape_irc", tuple(int(n) for n in self.shape_irc))

    @classmethod
    def from_dicom(
        cls,
        shape_irc: tuple[int, int, int],
        image_orientation_patient: ArrayLike,
        first_position_lps_mm: ArrayLike,
        slice_step_lps_mm: ArrayLike,
        pixel_spacing_mm: ArrayLike,
    ) -> Geometry:
        """Build from DICOM's attributes (PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1).

        Args:
            shape_irc: number of slices, rows and columns.
            image_orientation_patient: six direction cosines; the first three point along a row
                (towards growing C), the last three along a column (towards growing R).
            first_position_lps_mm: ImagePositionPatient of slice 0 (centre of its first voxel).
            slice_step_lps_mm: the vector from slice 0 to slice 1.
            pixel_spacing_mm: PixelSpacing: between rows first, between columns second.
        """
        orientation = np.asarray(image_orientation_patient, dtype=np.float64).reshape(2, 3)
        between_rows, between_columns = np.asarray(pixel_spacing_mm, dtype=np.float64)
        affine = np.eye(4)
        affine[:3, 0] = np.asarray(slice_step_lps_mm, dtype=np.float64)
        affine[:3, 1] = orientation[1] * between_rows
        affine[:3, 2] = orientation[0] * between_columns
        affine[:3, 3] = np.asarray(first_position_lps_mm, dtype=np.float64)
        return cls(shape_irc, affine)

    @classmethod
    def from_itk(
        cls,
        size_xyz: ArrayLike,
        spacing_xyz_mm: ArrayLike,
        origin_lps_mm: ArrayLike,
        direction: ArrayLike,
    ) -> Geometry:
        """Build from an ITK image's header (mhd, NRRD), whose axes are (x, y, z) = (C, R, I).

        Args:
            size_xyz: number of voxels along x, y, z.
            spacing_xyz_mm: voxel spacing along x, y, z.
            origin_lps_mm: centre of voxel (0, 0, 0).
            direction: 3x3 matrix (or its nine values, row by row); its columns are the axes.
        """
        axes = np.asarray(direction, dtype=np.float64).reshape(3, 3)
        scaled = axes * np.asarray(spacing_xyz_mm, dtype=np.float64)[np.newaxis, :]
        affine = np.eye(4)
        affine[:3, :3] = scaled[:, ::-1]
        affine[:3, 3] = np.asarray(origin_lps_mm, dtype=np.float64)
        columns, rows, slices = (int(n) for n in np.asarray(size_xyz))
        return cls((slices, rows, columns), affine)

    @property
    def affine_ras(self) -> FloatArray:
        """4x4 matrix from index (i, r, c, 1) to RAS mm: MONAI's ``MetaTensor.affine``."""
        return np.asarray(LPS_TO_RAS @ self.affine_lps)

    @property
    def spacing_irc_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along I, R and C."""
        i, r, c = np.linalg.norm(self.affine_lps[:3, :3], axis=0)
        return float(i), float(r), float(c)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel; right for sheared (tilted) grids too."""
        return float(abs(np.linalg.det(self.affine_lps[:3, :3])))

    @property
    def direction_irc(self) -> FloatArray:
        """3x3 matrix whose columns are the unit LPS vectors along I, R and C."""
        axes = self.affine_lps[:3, :3]
        return np.asarray(axes / np.linalg.norm(axes, axis=0))

    def index_to_lps(self, index_irc: ArrayLike) -> FloatArray:
        """Map voxel indices to patient LPS mm.

        Args:
            index_irc: shape (..., 3), may be fractional and outside the volume.

        Returns:
            Points of the same shape, in LPS mm.
        """
        return apply_affine(self.affine_lps, index_irc)

    def lps_to_index(self, point_lps_mm: ArrayLike) -> FloatArray:
        """Map patient LPS mm to fractional voxel indices, shape (..., 3)."""
        return apply_affine(np.linalg.inv(self.affine_lps), point_lps_mm)

    def contains(self, index_irc: ArrayLike) -> NDArray[np.bool_]:
        """Whether fractional indices lie in a voxel of the volume, shape (...,)."""
        index = np.asarray(index_irc, dtype=np.float64)
        upper = np.asarray(self.shape_irc, dtype=np.float64) - 0.5
        return np.asarray(np.all((index >= -0.5) & (index < upper), axis=-1))

    def cropped(self, start_irc: ArrayLike, shape_irc: ArrayLike) -> Geometry:
        """The geometry of the sub-volume that starts at voxel ``start_irc``."""
        affine = self.affine_lps.copy()
        affine[:3, 3] = self.index_to_lps(start_irc)
        slices, rows, columns = (int(n) for n in np.asarray(shape_irc))
        return Geometry((slices, rows, columns), affine)

    def almost_equal(self, other: Geometry, tolerance_mm: float = 1e-3) -> bool:
        """Whether both have one shape and no corner is more than ``tolerance_mm`` apart."""
        if self.shape_irc != other.shape_irc:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape_irc])).reshape(3, -1).T
        gap = self.index_to_lps(corners) - other.index_to_lps(corners)
        return bool(np.max(np.linalg.norm(gap, axis=-1)) <= tolerance_mm)


def apply_affine(affine: ArrayLike, points: ArrayLike) -> FloatArray:
    """Apply a 4x4 homogeneous matrix to points.

    Args:
        affine: shape (4, 4).
        points: shape (..., 3).

    Returns:
        The mapped points, shape (..., 3), float64.

    Raises:
        ValueError: the last axis of ``points`` is not of length 3.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    array = np.asarray(points, dtype=np.float64)
    if array.shape[-1:] != (3,):
        raise ValueError(f"points must have shape (..., 3), got {array.shape}")
    return np.asarray(array @ matrix[:3, :3].T + matrix[:3, 3])


def ras_to_lps(points_ras_mm: ArrayLike) -> FloatArray:
    """Negate x and y: RAS mm to LPS mm, shape (..., 3)."""
    return apply_affine(LPS_TO_RAS, points_ras_mm)
