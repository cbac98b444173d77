"""The headers of the source images, read again and made fit for derived objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import generate_uid
from pydicom.valuerep import DA, TM

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.volume import CtVolume, SourceImage
from nodulus.transforms.geometry import Geometry

_TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


@dataclass(frozen=True, eq=False)
class SourceHeaders:
    """What derived DICOM objects need to know of their source.

    Args:
        datasets: one header for each single-frame file, in the volume's order, or the one header
            of a multi-frame file. Patient attributes that were missing are present and empty.
        planes: for each source image of the volume, its place among the planes of the source
            (its place in ``datasets``, or its frame number less one).
        plane_count: single-frame files, or frames of the multi-frame file.
        geometries: for each source image, the place of its one slice; shape (1, R, C).
        patient_name: PatientName, for the derived objects alone; empty in ``datasets``.
        frame_of_reference_missing: the source has no FrameOfReferenceUID and one was made from
            its SeriesInstanceUID.
    """

    datasets: tuple[Dataset, ...]
    planes: tuple[int, ...]
    plane_count: int
    geometries: tuple[Geometry, ...]
    patient_name: Any
    frame_of_reference_missing: bool

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID of the source, or the one made in its stead."""
        return str(self.datasets[0].FrameOfReferenceUID)

    @property
    def is_multiframe(self) -> bool:
        """Whether the source is one multi-frame file."""
        return "NumberOfFrames" in self.datasets[0]

    def image_number(self, position: int) -> int | None:
        """InstanceNumber (or frame number) of a source image, for a person to page to."""
        return self.plane_number(self.planes[position])

    def plane_number(self, plane: int) -> int | None:
        """InstanceNumber of a plane of the source, or its frame number."""
        if self.is_multiframe:
            return plane + 1
        number = self.datasets[plane].get("InstanceNumber")
        return None if number in (None, "") else int(number)


def read_source_headers(volume: CtVolume) -> SourceHeaders:
    """Read the headers of a volume's source images, without their pixels.

    Args:
        volume: read from DICOM.

    Returns:
        The headers.

    Raises:
        NodulusError: INPUT_NOT_READABLE when a file has gone or changed since it was read,
            INCONSISTENT_SERIES when frames come from more than one multi-frame file.
    """
    images = volume.source_images
    paths = tuple(dict.fromkeys(image.path for image in images))
    datasets = tuple(_read(path) for path in paths)
    is_multiframe = "NumberOfFrames" in datasets[0]
    if is_multiframe and len(paths) > 1:
        raise NodulusError(
            ErrorCode.INCONSISTENT_SERIES,
            f"The volume comes from {len(paths)} multi-frame files; a DICOM segmentation can "
            "be derived from one.",
            remedy="Join the files, or ask for findings.json and the report only.",
            subject=volume.series_uid,
        )
    _check_same_images(images, dict(zip(paths, datasets, strict=True)))
    if is_multiframe:
        planes = tuple((image.frame_number or 1) - 1 for image in images)
        plane_count = int(datasets[0].NumberOfFrames)
        geometries = tuple(_frame_geometry(datasets[0], plane) for plane in planes)
    else:
        place = {path: number for number, path in enumerate(paths)}
        planes = tuple(place[image.path] for image in images)
        plane_count = len(datasets)
        geometries = tuple(_slice_geometry(dataset, dataset) for dataset in datasets)
    missing = not datasets[0].get("FrameOfReferenceUID")
    thickness = volume.facts.slice_thickness_mm or volume.geometry.spacing_irc_mm[0]
    for dataset in datasets:
        _complete(dataset, volume.series_uid, thickness)
    patient_name = datasets[0].PatientName
    for dataset in datasets:
        dataset.PatientName = ""
    return SourceHeaders(datasets, planes, plane_count, geometries, patient_name, missing)


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path, stop_before_pixels=True)
    except (OSError, InvalidDicomError, EOFError) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The source image cannot be read again ({type(error).__name__}).",
            remedy="Keep the input in place until the results are written, and run again.",
            subject=path,
        ) from error


def _check_same_images(images: Iterable[SourceImage], datasets: dict[Path, Dataset]) -> None:
    for image in images:
        if str(datasets[image.path].get("SOPInstanceUID")) != image.sop_instance_uid:
            raise NodulusError(
                ErrorCode.INPUT_NOT_READABLE,
                "The source image is another one than when it was first read.",
                remedy="Keep the input unchanged until the results are written, and run again.",
                subject=image.path,
            )


def _complete(dataset: Dataset, series_uid: str, thickness_mm: float) -> None:
    """Make present, and empty, what the standard wants present; nobody's identity is made up."""
    for keyword in _TYPE_2:
        if dataset.get(keyword) is None:
            setattr(dataset, keyword, "")
    if dataset.PatientSex not in ("", "M", "F", "O"):
        dataset.PatientSex = ""
    for keyword, parse in (("PatientBirthDate", DA), ("StudyDate", DA), ("StudyTime", TM)):
        setattr(dataset, keyword, _parsed_or_empty(dataset.get(keyword), parse))
    if not dataset.get("FrameOfReferenceUID"):
        dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=[series_uid, "frame of reference"])
    if not dataset.get("SliceThickness"):
        dataset.SliceThickness = round(thickness_mm, 6)


def _parsed_or_empty(value: Any, parse: Any) -> Any:
    try:
        return parse(value) or ""
    except (TypeError, ValueError):
        return ""


def _frame_geometry(dataset: Dataset, plane: int) -> Geometry:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    frame = dataset.PerFrameFunctionalGroupsSequence[plane]

    def group(name: str) -> Dataset:
        item: Dataset = (frame if name in frame else shared)[name].value[0]
        return item

    attributes = Dataset()
    attributes.ImagePositionPatient = group("PlanePositionSequence").ImagePositionPatient
    attributes.ImageOrientationPatient = group("PlaneOrientationSequence").ImageOrientationPatient
    attributes.PixelSpacing = group("PixelMeasuresSequence").PixelSpacing
    return _slice_geometry(dataset, attributes)


def _slice_geometry(dataset: Dataset, attributes: Dataset) -> Geometry:
    """The place of one slice; its slice step is the unit normal."""
    orientation: NDArray[np.float64] = np.asarray(
        attributes.ImageOrientationPatient, dtype=np.float64
    )
    return Geometry.from_dicom(
        (1, int(dataset.Rows), int(dataset.Columns)),
        orientation,
        np.asarray(attributes.ImagePositionPatient, dtype=np.float64),
        np.cross(orientation[:3], orientation[3:]),
        np.asarray(attributes.PixelSpacing, dtype=np.float64),
    )
