"""The source images' headers, read again and made fit for derived objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.dicom_file import read_headers_and
from nodulus.app.reading.image_plane import ImagePlane, angle_degrees
from nodulus.app.reading.slice_header import SliceHeader, Vector
from nodulus.app.reading.uids import is_uid
from nodulus.app.results.source_header import TAGS, image_header, patient_and_study
from nodulus.app.volume import CtVolume, SourceImage
from nodulus.transforms.geometry import Geometry

_ORTHONORMAL = 1e-5


@dataclass(frozen=True, eq=False)
class SourceHeaders:
    """What derived DICOM objects need to know of their source.

    Args:
        datasets: one header for each single-frame file, in the volume's order, or for each
            multi-frame file. Made anew: whatever cannot be used is left out, and patient
            attributes that were missing are present and empty.
        planes: for each source image of the volume, its place among the planes of the source:
            the files, or all frames of one file after the other.
        numbers: for each plane InstanceNumber, or the frame number; None where there is none.
        geometries: for each source image, the place of its one slice; shape (1, R, C).
        patient_name: PatientName, for the derived objects alone; empty in ``datasets``.
        frame_of_reference_missing: the source has no FrameOfReferenceUID and one was made from
            its SeriesInstanceUID.
        is_multiframe: whether the files are of a class that may hold several frames.
    """

    datasets: tuple[Dataset, ...]
    planes: tuple[int, ...]
    numbers: tuple[int | None, ...]
    geometries: tuple[Geometry, ...]
    patient_name: Any
    frame_of_reference_missing: bool
    is_multiframe: bool

    @property
    def plane_count(self) -> int:
        """Single-frame files, or frames of all multi-frame files."""
        return len(self.numbers)

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID of the source, or the one made in its stead."""
        return str(self.datasets[0].FrameOfReferenceUID)

    @property
    def no_reference_because(self) -> str | None:
        """Why no DICOM object can refer to the images, None where one can."""
        if self.is_multiframe and len(self.datasets) > 1:
            return "the series is in several multi-frame files, and a DICOM object refers to one"
        for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
            if not all(is_uid(dataset.get(keyword)) for dataset in self.datasets):
                return f"the images' {keyword} is no UID"
        if len({str(dataset.SOPInstanceUID) for dataset in self.datasets}) < len(self.datasets):
            return "images of the series share a SOPInstanceUID"
        return None

    @property
    def no_object_because(self) -> str | None:
        """Why no DICOM object can belong to the study, None where one can."""
        if all(is_uid(dataset.StudyInstanceUID) for dataset in self.datasets):
            return None
        return "the images' StudyInstanceUID is no UID"

    def image_number(self, position: int) -> int | None:
        """InstanceNumber (or frame number) of a source image, for a person to page to."""
        return self.numbers[self.planes[position]]

    def plane_number(self, plane: int) -> int | None:
        """InstanceNumber of a plane of the source, or its frame number."""
        return self.numbers[plane]


def read_source_headers(volume: CtVolume) -> SourceHeaders:
    """Read the headers of a volume's source images, without their pixels.

    Args:
        volume: read from DICOM.

    Returns:
        The headers.

    Raises:
        NodulusError: INPUT_NOT_READABLE when a file has gone or changed since it was read.
    """
    images = volume.source_images
    paths = tuple(dict.fromkeys(image.path for image in images))
    read = {path: _read(path) for path in paths}
    frames = {path: headers for path, (headers, _) in read.items()}
    _check_same_images(images, frames)
    frames = {
        path: [_steadied(header, volume.geometry) for header in of_file]
        for path, of_file in frames.items()
    }
    raw = {path: attributes for path, (_, attributes) in read.items()}
    patient = patient_and_study(raw.values())
    patient_name = patient.PatientName
    patient.PatientName = ""
    is_multiframe = any(of_file[0].frame is not None for of_file in frames.values())
    datasets = tuple(image_header(frames[path][0], raw[path], patient) for path in paths)
    frame_of_reference = next(
        (dataset.FrameOfReferenceUID for dataset in datasets if "FrameOfReferenceUID" in dataset),
        None,
    )
    thickness_mm = volume.facts.slice_thickness_mm or volume.geometry.spacing_irc_mm[0]
    for dataset, path in zip(datasets, paths, strict=True):
        dataset.FrameOfReferenceUID = frame_of_reference or generate_uid(
            entropy_srcs=[volume.series_uid, "frame of reference"]
        )
        if is_multiframe:
            used = [_frame(image) for image in images if image.path == path]
            _add_frames(dataset, frames[path], used, thickness_mm)
        else:
            _add_plane(dataset, frames[path][0], thickness_mm)
    starts = np.cumsum([0, *(len(frames[path]) for path in paths)]).tolist()
    start = dict(zip(paths, starts, strict=False))
    return SourceHeaders(
        datasets=datasets,
        planes=tuple(start[image.path] + _frame(image) for image in images),
        numbers=tuple(header.instance_number for path in paths for header in frames[path]),
        geometries=tuple(_slice_geometry(frames[image.path][_frame(image)]) for image in images),
        patient_name=patient_name,
        frame_of_reference_missing=frame_of_reference is None,
        is_multiframe=is_multiframe,
    )


def _frame(image: SourceImage) -> int:
    return (image.frame_number or 1) - 1


def _read(path: Path) -> tuple[list[SliceHeader], Dataset]:
    """The images of a file as they were read for the volume, and its attributes in ``TAGS``."""
    try:
        headers, attributes = read_headers_and(path, TAGS)
    except NodulusError as error:
        raise _gone(path, error) from error
    return headers, Dataset() if attributes is None else attributes


def _steadied(header: SliceHeader, geometry: Geometry) -> SliceHeader:
    """The header with the volume's direction, its middle in place, where its own wobbles about it.

    A segmentation has one direction for all of its frames.
    """
    if header.orientation is None or header.position_lps_mm is None:
        return header
    usual = (*geometry.direction_irc[:, 2].tolist(), *geometry.direction_irc[:, 1].tolist())
    angle = angle_degrees(header.orientation, usual)
    if not limits.STEADY_DEGREES < angle <= limits.MAX_WOBBLE_DEGREES:
        return replace(header, orientation=_at_right_angles(header.orientation))
    rows, columns = cast("int", header.rows), cast("int", header.columns)
    plane = ImagePlane.from_orientation(
        (rows, columns), cast("tuple[float, float]", header.pixel_spacing_mm), usual
    )
    corner = np.array(header.position_lps_mm) + plane.shift_from(header.orientation)
    return replace(
        header, orientation=usual, position_lps_mm=cast("Vector", tuple(corner.tolist()))
    )


def _at_right_angles(orientation: tuple[float, ...]) -> tuple[float, ...]:
    """The directions themselves where they are orthonormal, else made so.

    Reading lets small errors pass; in a derived object they are not valid (PS3.3 C.7.6.2.1.1).
    """
    row, column = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
    errors = (row @ column, row @ row - 1, column @ column - 1)
    if max(map(abs, errors)) <= _ORTHONORMAL:
        return orientation
    exact = ImagePlane.from_orientation((1, 1), (1.0, 1.0), orientation)
    return (*exact.row.tolist(), *exact.column.tolist())


def _gone(path: Path, error: Exception) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        f"The source image cannot be read again ({type(error).__name__}).",
        remedy="Keep the input in place until the results are written, and run again.",
        subject=path,
    )


def _check_same_images(
    images: Iterable[SourceImage], frames: Mapping[Path, list[SliceHeader]]
) -> None:
    for image in images:
        found = frames[image.path]
        if len(found) <= _frame(image) or found[0].sop_instance_uid != image.sop_instance_uid:
            raise NodulusError(
                ErrorCode.INPUT_NOT_READABLE,
                "The source image is another one than when it was first read.",
                remedy="Keep the input unchanged until the results are written, and run again.",
                subject=image.path,
            )


def _add_plane(dataset: Dataset, header: SliceHeader, thickness_mm: float) -> None:
    """Put the place of a single image into its header."""
    geometry = _slice_geometry(header)
    dataset.ImagePositionPatient = _decimals(header.position_lps_mm or ())
    dataset.ImageOrientationPatient = _decimals(header.orientation or ())
    dataset.PixelSpacing = _decimals(geometry.spacing_irc_mm[1:])
    dataset.SliceThickness = _decimal(header.thickness_mm or thickness_mm)


def _add_frames(
    dataset: Dataset, headers: list[SliceHeader], used: Sequence[int], thickness_mm: float
) -> None:
    """Put the places of a file's frames into its header (PS3.3 C.7.6.16.2).

    Direction and pixel measures are shared, as highdicom wants them: those of the volume's frames.
    Others may differ (a scout, a damaged frame) or have no place; they are empty in every derived
    object.
    """
    dataset.NumberOfFrames = len(headers)
    planes = {}
    for number, header in enumerate(headers):
        if number in used or _has_place(header):
            planes[number] = Dataset()
            _add_plane(planes[number], header, thickness_mm)
    dataset.SliceThickness = _usual(planes, used, "SliceThickness")
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = _usual(planes, used, "ImageOrientationPatient")
    measures.PixelSpacing = _usual(planes, used, "PixelSpacing")
    measures.SliceThickness = dataset.SliceThickness
    shared = Dataset()
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for place in _distinct_places(planes, used, len(headers)):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = place
        group.PlanePositionSequence = [position]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups


def _has_place(header: SliceHeader) -> bool:
    """Whether a frame that is not the volume's says where it lies; damaged ones may not."""
    told = header.position_lps_mm, header.orientation, header.pixel_spacing_mm
    if any(value is None for value in told):
        return False
    try:
        _slice_geometry(header)
    except ValueError:  # not finite, or directions that coincide
        return False
    return True


def _distinct_places(
    planes: Mapping[int, Dataset], used: Sequence[int], count: int
) -> list[list[str]]:
    """ImagePositionPatient of each frame; highdicom wants a place for each, and no two alike.

    A frame that is not the volume's and has no place, or one's that is (another phase), is put
    beyond all others. It is empty in a segmentation, and with ``all_frames`` alone in it at all.
    """
    orientation = np.asarray(_usual(planes, used, "ImageOrientationPatient"), dtype=np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    places = {number: planes[number].ImagePositionPatient for number in used}
    taken = {str(place) for place in places.values()}
    for number, plane in planes.items():
        if number not in places and str(plane.ImagePositionPatient) not in taken:
            places[number] = plane.ImagePositionPatient
            taken.add(str(plane.ImagePositionPatient))
    points = np.asarray(list(places.values()), dtype=np.float64)
    beyond = points[np.argmax(points @ normal)]
    free = iter(range(1, count + 1))
    return [
        places[number] if number in places else _decimals(beyond + next(free) * normal)
        for number in range(count)
    ]


def _usual(planes: Mapping[int, Dataset], used: Sequence[int], keyword: str) -> Any:
    """The value that most of the volume's frames have."""
    values = [planes[number][keyword].value for number in used]
    counts = Counter(map(str, values))
    return max(values, key=lambda value: counts[str(value)])


def _decimals(values: Iterable[float]) -> list[str]:
    return [_decimal(value) for value in values]


def _decimal(value: float) -> str:
    """A number in the sixteen characters of a decimal string (PS3.5 6.2)."""
    for digits in range(16, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return "0"


def _slice_geometry(header: SliceHeader) -> Geometry:
    """The place of one slice; its slice step is the unit normal."""
    orientation = np.asarray(header.orientation, dtype=np.float64)
    return Geometry.from_dicom(
        (1, cast("int", header.rows), cast("int", header.columns)),
        orientation,
        np.asarray(header.position_lps_mm, dtype=np.float64),
        np.cross(orientation[:3], orientation[3:]),
        np.asarray(header.pixel_spacing_mm, dtype=np.float64),
    )
