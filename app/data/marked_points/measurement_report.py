"""Reads the nodules of a DICOM measurement report (TID 1500, PS3.16), of whatever program.

Each measurement group (DCM 125007) is a nodule where its finding says so, or says nothing. It lies
where its region does: 3D coordinates, 2D coordinates on an image, or a segment of a segmentation.
The tree is read item by item, since reports in use keep to the template in different degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage

from nodulus.app.data.marked_points.marked_points import (
    MarkedPoint,
    MarkedPoints,
    refused,
    spread_mm,
)
from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.nodule_codes import is_nodule_code
from nodulus.app.data.masks.seg_reader import SegFrame, frames_of, open_segmentation
from nodulus.app.results.codes import LONG_AXIS, MEAN_DIAMETER, VOLUME
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm

SR_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
        "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
        "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
    }
)
_GROUP = Code("125007", "DCM", "Measurement Group")
_FINDING = Code("121071", "DCM", "Finding")
_TRACKING = Code("112039", "DCM", "Tracking Identifier")
_ALGORITHM = Code("111001", "DCM", "Algorithm Name")
_DIAMETERS = (MEAN_DIAMETER, codes.SCT.Diameter, LONG_AXIS)
"""In the order in which they stand for a nodule's size."""
_TO_MM = {"mm": 1.0, "cm": 10.0}
_TO_MM3 = {"mm3": 1.0, "cm3": 1000.0, "ml": 1000.0}
_CLOSED_MM = 1e-3
"""How far the last point of a closed polygon may lie from the first."""

Finder = Callable[[str], Path | None]
"""From a SOPInstanceUID to its file, None where it is not at hand."""


def read_measurement_report(path: Path, find: Finder, *, named_only: bool = False) -> MarkedPoints:
    """Read the nodules of a report.

    Args:
        path: the file.
        find: gives the segmentations, and the images of 2D coordinates, that it refers to.
        named_only: groups whose finding says nothing are none, also where no other says so.

    Raises:
        NodulusError: ``input-not-readable``: it is no such report, a group has no place, or what
            its place refers to is not at hand or cannot be read.
    """
    report = _open(path)
    groups = list(_groups(report))
    findings = [_concept(_child(group, _FINDING), "ConceptCodeSequence") for group in groups]
    called = [finding is not None and is_nodule_code(finding) for finding in findings]
    named = named_only or any(called)
    wanted = [group for group, own in zip(groups, called, strict=True) if own or not named]
    places = _Places(path, find)
    points = [_point(group, places) for group in wanted if _has_place(group)]
    if wanted and not points:
        raise refused(
            path,
            f"None of its {len(wanted)} measurement groups says where it lies.",
            "Give a report with regions (SCOORD3D, SCOORD or a referenced segment).",
        )
    series, study = _evidence(report)
    return MarkedPoints(
        path,
        tuple(points),
        series,
        study,
        places.frame_of_reference_uid,
        _text(next((i for i in _walk(report) if _names(i, _ALGORITHM)), None)),
    )


class _Places:
    """Gives the points of regions, and keeps the segmentations that they are of.

    Attributes:
        frame_of_reference_uid: of the latest region.
    """

    def __init__(self, path: Path, find: Finder) -> None:
        self._path = path
        self._find = find
        self._centers: dict[str, dict[int, tuple[NDArray[np.float64], float]]] = {}
        self.frame_of_reference_uid: str | None = None

    def of(self, item: Dataset) -> tuple[NDArray[np.float64], float | None]:
        """Centre (LPS mm) and, where it has one, the diameter (mm) of a region."""
        if item.ValueType == "IMAGE":
            reference = item.ReferencedSOPSequence[0]
            return self._segment(
                str(reference.ReferencedSOPInstanceUID), int(reference.ReferencedSegmentNumber)
            )
        points = self._on_image(item) if item.ValueType == "SCOORD" else self._in_space(item)
        if len(points) > 2 and np.linalg.norm(points[0] - points[-1]) < _CLOSED_MM:
            points = points[:-1]
        size = spread_mm([(float(x), float(y), float(z)) for x, y, z in points])
        return points.mean(axis=0), size or None

    def _in_space(self, item: Dataset) -> NDArray[np.float64]:
        uid = item.get("ReferencedFrameOfReferenceUID")
        self.frame_of_reference_uid = str(uid) if uid else None
        return np.asarray(item.GraphicData, dtype=np.float64).reshape(-1, 3)

    def _on_image(self, item: Dataset) -> NDArray[np.float64]:
        image = next(i for i in item.ContentSequence if i.ValueType == "IMAGE")
        header = self._header(str(image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID))
        self.frame_of_reference_uid = str(header.get("FrameOfReferenceUID") or "") or None
        right, down = np.asarray(header.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
        between_rows, between_columns = (float(v) for v in header.PixelSpacing)
        # The corner of the first pixel is (0, 0), PS3.3 C.18.6.1.2.
        column, row = np.asarray(item.GraphicData, dtype=np.float64).reshape(-1, 2).T - 0.5
        origin = np.asarray(header.ImagePositionPatient, dtype=np.float64)
        return np.asarray(
            origin + np.outer(column, right) * between_columns + np.outer(row, down) * between_rows
        )

    def _header(self, uid: str) -> Dataset:
        file = self._there(uid, "image")
        return dcmread(file, stop_before_pixels=True)

    def _segment(self, uid: str, number: int) -> tuple[NDArray[np.float64], float]:
        if uid not in self._centers:
            file = self._there(uid, "segmentation")
            try:
                seg = open_segmentation(file)
                self._centers[uid] = _centers(seg, file)
            except MaskError as error:
                raise refused(file, f"{error.message}.", "Write the file again.") from error
            self.frame_of_reference_uid = str(seg.get("FrameOfReferenceUID") or "") or None
        if number not in self._centers[uid]:
            raise refused(
                self._path,
                f"It refers to segment {number} of a segmentation that has no voxel of it.",
                "Give the segmentation that the report was made with.",
            )
        return self._centers[uid][number]

    def _there(self, uid: str, what: str) -> Path:
        file = self._find(uid)
        if file is None:
            raise refused(
                self._path,
                f"It refers to the {what} {uid}, which is not at hand.",
                f"Put the {what} beside the report.",
            )
        return file


def _centers(seg: Any, path: Path) -> dict[int, tuple[NDArray[np.float64], float]]:
    """Centre of mass (LPS mm) and diameter of a ball of the same volume (mm) of each segment."""
    frames = frames_of(seg, 0.5, path)
    thickness = _thickness_mm(seg, frames)
    found = {}
    for number in {frame.number for frame in frames}:
        own = [frame for frame in frames if frame.number == number]
        points = np.concatenate([_pixels_lps(frame) for frame in own])
        area = float(np.linalg.norm(np.cross(own[0].right, own[0].down)))
        size = equivalent_diameter_mm(len(points) * area * thickness)
        found[number] = points.mean(axis=0), size
    return found


def _pixels_lps(frame: SegFrame) -> NDArray[np.float64]:
    rows, columns = np.nonzero(frame.mask)
    steps = np.outer(rows, frame.down) + np.outer(columns, frame.right)
    return np.asarray(frame.origin + steps)


def _thickness_mm(seg: Any, frames: Sequence[SegFrame]) -> float:
    """The smallest distance between frames; of a single one its stated thickness."""
    normal = np.cross(frames[0].right, frames[0].down)
    normal /= np.linalg.norm(normal)
    gaps = np.diff(np.unique(np.round([frame.origin @ normal for frame in frames], 3)))
    if len(gaps):
        return float(gaps.min())
    measures = seg.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence")
    return float(measures[0].get("SliceThickness") or 1.0) if measures else 1.0


def _open(path: Path) -> Dataset:
    try:
        report = dcmread(path)
    except Exception as error:  # pydicom raises many kinds on a broken file
        raise refused(path, f"It cannot be read as DICOM ({error}).", "Copy it again.") from error
    if str(report.get("SOPClassUID")) not in SR_CLASSES or not any(_groups(report)):
        raise refused(
            path,
            "It is no DICOM report with measurement groups.",
            "Give an SR after TID 1500 (Measurement Report).",
        )
    return report


def _walk(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence") or ():
        yield child
        yield from _walk(child)


def _groups(report: Dataset) -> Iterator[Dataset]:
    return (item for item in _walk(report) if _names(item, _GROUP))


def _concept(item: Dataset | None, keyword: str) -> Code | None:
    sequence = None if item is None else item.get(keyword)
    if not sequence or "CodeValue" not in sequence[0]:
        return None
    one = sequence[0]
    return Code(one.CodeValue, one.CodingSchemeDesignator, str(one.get("CodeMeaning") or ""))


def _names(item: Dataset, concept: Code) -> bool:
    found = _concept(item, "ConceptNameCodeSequence")
    return found is not None and found == concept


def _child(group: Dataset, concept: Code) -> Dataset | None:
    return next((i for i in group.get("ContentSequence") or () if _names(i, concept)), None)


def _text(item: Dataset | None) -> str | None:
    return str(item.get("TextValue") or "") or None if item is not None else None


def _is_place(item: Dataset) -> bool:
    if item.get("ValueType") == "IMAGE":
        return bool(item.ReferencedSOPSequence[0].get("ReferencedSegmentNumber"))
    return item.get("ValueType") in {"SCOORD", "SCOORD3D"}


def _places_of(group: Dataset) -> list[Dataset]:
    """Its regions; without any the coordinates that its measurements were made on."""
    own = [item for item in group.get("ContentSequence") or () if _is_place(item)]
    return own or [item for item in _walk(group) if _is_place(item)]


def _has_place(group: Dataset) -> bool:
    return bool(_places_of(group))


def _point(group: Dataset, places: _Places) -> MarkedPoint:
    found = [places.of(item) for item in _places_of(group)]
    x, y, z = (float(v) for v in np.mean([center for center, _ in found], axis=0))
    drawn = max((size for _, size in found if size is not None), default=None)
    measured = _measured_mm(group)
    name = _text(_child(group, _TRACKING)) or ""
    return MarkedPoint((x, y, z), drawn if measured is None else measured, name)


def _measured_mm(group: Dataset) -> float | None:
    """The diameter that the group states, or that of a ball of its volume."""
    for concept in _DIAMETERS:
        value = _number(group, concept, _TO_MM)
        if value is not None:
            return value
    volume = _number(group, VOLUME, _TO_MM3)
    return None if volume is None else equivalent_diameter_mm(volume)


def _number(group: Dataset, concept: Code, units: dict[str, float]) -> float | None:
    item = _child(group, concept)
    values = None if item is None else item.get("MeasuredValueSequence")
    if not values:
        return None
    unit = values[0].MeasurementUnitsCodeSequence[0].CodeValue
    value = float(values[0].NumericValue)
    return value * units[unit] if unit in units and math.isfinite(value) and value > 0 else None


def _evidence(report: Dataset) -> tuple[frozenset[str], str | None]:
    """The CT series that the report refers to, and the study."""
    studies = report.get("CurrentRequestedProcedureEvidenceSequence") or ()
    series = {
        str(one.SeriesInstanceUID)
        for study in studies
        for one in study.get("ReferencedSeriesSequence") or ()
        if any(
            image.ReferencedSOPClassUID in (CTImageStorage, EnhancedCTImageStorage)
            for image in one.get("ReferencedSOPSequence") or ()
        )
    }
    uid = report.get("StudyInstanceUID")
    return frozenset(series), str(uid) if uid else None
