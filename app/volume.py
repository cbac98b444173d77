"""A CT volume as the chain takes it, with what is needed to write results about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry

SourceFormat = Literal["dicom", "nifti", "mhd", "nrrd"]


@dataclass(frozen=True)
class VolumeWarning:
    """Something that a reader of the result must know about the input.

    Args:
        code: stable, kebab-case, such as ``missing-slices-interpolated``.
        message: one sentence with the numbers; no patient identity.
    """

    code: str
    message: str


@dataclass(frozen=True)
class SourceImage:
    """One source DICOM image (or one frame of a multi-frame image).

    Args:
        path: the file, so that its header can be read again when results are written.
        sop_instance_uid: SOPInstanceUID of the file.
        sop_class_uid: SOPClassUID of the file.
        frame_number: 1-based frame for a multi-frame file, else None.
        position_lps_mm: ImagePositionPatient of this image or frame.
    """

    path: Path
    sop_instance_uid: str
    sop_class_uid: str
    frame_number: int | None
    position_lps_mm: tuple[float, float, float]


@dataclass(frozen=True)
class SeriesFacts:
    """Acquisition facts that go into the result; nothing here identifies a patient."""

    modality: str | None = None
    manufacturer: str | None = None
    model_name: str | None = None
    convolution_kernel: str | None = None
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    contrast_agent: bool | None = None
    transfer_syntax_uid: str | None = None
    series_number: int | None = None


@dataclass(frozen=True, eq=False)
class CtVolume:
    """A chest CT in Hounsfield units on an even grid.

    Args:
        hu: shape (I, R, C), int16 (float32 where rescaling gives fractions that matter).
        geometry: shape and place; ``geometry.shape_irc == hu.shape``. Slice 0 is the one that is
            lowest along the slice normal (for axial series: towards the feet).
        series_uid: SeriesInstanceUID, or the file's stem for research formats (LUNA16's custom).
        study_uid: StudyInstanceUID, None for research formats.
        source_format: what was read.
        source_images: the DICOM images of this volume by position along the normal; empty for
            research formats. May be fewer than slices (some were interpolated).
        is_source_grid: True when slice i of ``hu`` is exactly source image i, untouched.
        warnings: what was found and mended.
        facts: acquisition facts.
    """

    hu: NDArray[np.int16] | NDArray[np.float32]
    geometry: Geometry
    series_uid: str
    study_uid: str | None
    source_format: SourceFormat
    source_images: tuple[SourceImage, ...] = ()
    is_source_grid: bool = True
    warnings: tuple[VolumeWarning, ...] = ()
    facts: SeriesFacts = field(default_factory=SeriesFacts)

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or tuple(self.hu.shape) != self.geometry.shape_irc:
            raise ValueError(
                f"hu has shape {self.hu.shape}, geometry says {self.geometry.shape_irc}"
            )
