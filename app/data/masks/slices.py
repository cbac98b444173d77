"""The images of one CT series, as masks are laid on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.reading import limits

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SourceSlices:
    """Parallel images with one matrix, in order along their normal; distances may be uneven.

    Args:
        series_uid: SeriesInstanceUID.
        frame_of_reference_uid: FrameOfReferenceUID, None where the images have none.
        positions_lps_mm: shape (K, 3), ImagePositionPatient of each image.
        row: unit LPS vector along a row, towards growing columns.
        column: unit LPS vector along a column, towards growing rows.
        spacing_rc_mm: PixelSpacing: between rows, between columns.
        shape_rc: rows and columns.
        sop_instance_uids: SOPInstanceUID of each image; empty where they have none.

    Raises:
        ValueError: there is no image, or the images are not in order along their normal.
    """

    series_uid: str
    frame_of_reference_uid: str | None
    positions_lps_mm: FloatArray
    row: FloatArray
    column: FloatArray
    spacing_rc_mm: tuple[float, float]
    shape_rc: tuple[int, int]
    sop_instance_uids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        steps = np.diff(self.heights_mm)
        if not len(self.positions_lps_mm) or (np.any(steps <= 0) and np.any(steps >= 0)):
            raise ValueError(f"series {self.series_uid}: its images are not in order")

    @property
    def shape_irc(self) -> tuple[int, int, int]:
        """Number of images, rows and columns."""
        return (len(self.positions_lps_mm), *self.shape_rc)

    @property
    def normal(self) -> FloatArray:
        """Row direction x column direction (DICOM PS3.3 C.7.6.2.1.1)."""
        return np.asarray(np.cross(self.row, self.column))

    @property
    def heights_mm(self) -> FloatArray:
        """Shape (K,), positions along the normal; rising or falling."""
        return np.asarray(self.positions_lps_mm @ self.normal)

    @property
    def usual_step_mm(self) -> float:
        """Median distance between neighbouring images, 0 for a single one."""
        steps = np.abs(np.diff(self.heights_mm))
        return float(np.median(steps)) if len(steps) else 0.0

    @property
    def tolerance_mm(self) -> float:
        """How far along the normal something may lie from the image that it belongs to."""
        return max(limits.SAME_POSITION_MM, limits.SAME_POSITION_FRACTION * self.usual_step_mm)

    def pixels_on(self, image: int, points_lps_mm: ArrayLike) -> FloatArray:
        """Fractional row and column, shape (n, 2), of points on one image."""
        offset = np.asarray(points_lps_mm, dtype=np.float64) - self.positions_lps_mm[image]
        pixels = np.stack([offset @ self.column, offset @ self.row], axis=-1)
        return np.asarray(pixels / np.asarray(self.spacing_rc_mm))

    def image_of(self, points_lps_mm: ArrayLike, path: Path) -> int | None:
        """The image that a plane figure lies on.

        Args:
            points_lps_mm: shape (n, 3), points of the figure.
            path: of the mask, for the error.

        Returns:
            The image's index, or None where the series has none at that position.

        Raises:
            MaskError: the points do not lie on one plane of the images, or that plane lies
                between two images.
        """
        heights = np.asarray(points_lps_mm, dtype=np.float64) @ self.normal
        if np.ptp(heights) > 2 * self.tolerance_mm:
            raise MaskError(
                MaskProblem.MISMATCH, path,
                f"a plane of it is oblique to the images of series {self.series_uid}: it crosses "
                f"{np.ptp(heights):.2f} mm of them",
            )  # fmt: skip
        gaps = np.abs(self.heights_mm - float(np.median(heights)))
        image = int(np.argmin(gaps))
        if gaps[image] <= self.tolerance_mm:
            return image
        if gaps[image] >= 0.75 * self.usual_step_mm:
            return None
        raise MaskError(
            MaskProblem.MISMATCH, path,
            f"a plane of it lies {gaps[image]:.2f} mm from the nearest image of series "
            f"{self.series_uid}, whose images are {self.usual_step_mm:.2f} mm apart",
        )  # fmt: skip

    def check_frame_of_reference(self, uid: str | None, path: Path) -> None:
        """Refuse a mask that says that it lies in another frame of reference.

        Raises:
            MaskError: it does.
        """
        if uid and self.frame_of_reference_uid and uid != self.frame_of_reference_uid:
            raise MaskError(
                MaskProblem.MISMATCH, path,
                f"it lies in another frame of reference than series {self.series_uid}",
            )  # fmt: skip
