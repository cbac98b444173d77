"""Outlines as a DICOM RT Structure Set (PS3.3 A.19), one ROI a finding.

Contours lie on the images of the source, halfway between the mask's edge voxels and those beside
them. Holes are filled: the standard has no way to cut one out that all systems understand.
"""

from __future__ import annotations

from datetime import datetime, timezone
from io import BytesIO
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RTStructureSetStorage

from nodulus.app.exports.study import ResultToExport
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.contours import mask_contours
from nodulus.app.results.dicom_series import OUTLINES
from nodulus.app.results.read_labels import SegmentFrame, segment_frames, voxel_threshold

RTSTRUCT_FILE = "nodules_rtstruct.dcm"
_COPIED = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "StudyDescription", "PatientIdentityRemoved",
    "DeidentificationMethod",
)  # fmt: skip
_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


def export(study: ResultToExport) -> dict[str, bytes]:
    """Give the structure set.

    Args:
        study: of a DICOM source, with its segmentation; its UIDs follow from the segmentation's.

    Raises:
        NodulusError: it has no DICOM segmentation.
    """
    if not study.result.findings:
        return {}
    seg = study.segmentation()
    frames: dict[int, list[SegmentFrame]] = {f.id: [] for f in study.result.findings}
    for frame in segment_frames(seg, voxel_threshold(study.result)):
        frames.setdefault(frame.number, []).append(frame)
    name = uuid5(NAMESPACE_OID, str(seg.SOPInstanceUID))
    dataset = _header(seg, str(uuid5(name, "series").int), str(uuid5(name, "instance").int))
    dataset.ReferencedFrameOfReferenceSequence = [_referenced_images(seg, frames)]
    dataset.StructureSetROISequence = []
    dataset.ROIContourSequence = []
    dataset.RTROIObservationsSequence = []
    for finding in study.result.findings:
        roi = Dataset()
        roi.ROINumber = finding.id
        roi.ReferencedFrameOfReferenceUID = seg.FrameOfReferenceUID
        roi.ROIName = f"Nodule {finding.id}"
        roi.ROIGenerationAlgorithm = "AUTOMATIC"
        dataset.StructureSetROISequence.append(roi)
        contours = Dataset()
        contours.ReferencedROINumber = finding.id
        contours.ROIDisplayColor = list(finding_rgb(finding.id))
        contours.ContourSequence = [c for f in frames[finding.id] for c in _contours(f)]
        dataset.ROIContourSequence.append(contours)
        observed = Dataset()
        observed.ObservationNumber = finding.id
        observed.ReferencedROINumber = finding.id
        observed.RTROIInterpretedType = ""
        observed.ROIInterpreter = ""
        dataset.RTROIObservationsSequence.append(observed)
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return {RTSTRUCT_FILE: stream.getvalue()}


def _header(seg: Dataset, series: str, instance: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = RTStructureSetStorage
    meta.MediaStorageSOPInstanceUID = UID(f"2.25.{instance}")
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = seg.get("SpecificCharacterSet", "ISO_IR 192")
    for keyword in _COPIED:
        if keyword in seg:
            dataset[keyword] = seg[keyword]
        elif keyword in _MAY_BE_EMPTY:
            setattr(dataset, keyword, None)
    now = datetime.now(timezone.utc)
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = f"2.25.{instance}"
    dataset.FrameOfReferenceUID = seg.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = seg.get("PositionReferenceIndicator")
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = f"2.25.{series}"
    dataset.SeriesNumber = OUTLINES.number
    dataset.SeriesDescription = OUTLINES.description
    dataset.OperatorsName = None
    dataset.Manufacturer = dataset.ManufacturerModelName = "Nodulus"
    dataset.SoftwareVersions = seg.get("SoftwareVersions", "")
    dataset.InstanceNumber = 1
    dataset.StructureSetLabel = "NODULES"
    dataset.StructureSetDescription = "Lung nodules found by software, for research"
    dataset.StructureSetDate = dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.StructureSetTime = dataset.InstanceCreationTime = now.strftime("%H%M%S")
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _referenced_images(seg: Dataset, frames: dict[int, list[SegmentFrame]]) -> Dataset:
    """The images with a contour, in their series and study."""
    images: dict[str, Dataset] = {}
    for own in frames.values():
        for frame in own:
            image = _image(frame)
            if image is not None:
                images[str(image.ReferencedSOPInstanceUID)] = image
    series = Dataset()
    series.SeriesInstanceUID = seg.ReferencedSeriesSequence[0].SeriesInstanceUID
    series.ContourImageSequence = list(images.values())
    study = Dataset()
    # Detached Study Management, retired and still what the attribute asks for.
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = seg.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame_of_reference = Dataset()
    frame_of_reference.FrameOfReferenceUID = seg.FrameOfReferenceUID
    frame_of_reference.RTReferencedStudySequence = [study]
    return frame_of_reference


def _image(frame: SegmentFrame) -> Dataset | None:
    """The reference to the source image, or to its frame."""
    if frame.source is None:
        return None
    image = Dataset()
    image.ReferencedSOPClassUID = frame.source.ReferencedSOPClassUID
    image.ReferencedSOPInstanceUID = frame.source.ReferencedSOPInstanceUID
    if "ReferencedFrameNumber" in frame.source:
        image.ReferencedFrameNumber = frame.source.ReferencedFrameNumber
    return image


def _contours(frame: SegmentFrame) -> list[Dataset]:
    """The closed planar contours of a mask, each of at least three points."""
    image = _image(frame)
    made = []
    for rows_columns in mask_contours(frame.mask):
        index = np.insert(rows_columns, 0, 0.0, axis=1)
        points = frame.place.index_to_lps(index)
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(points)
        contour.ContourData = [f"{value:.4f}" for value in points.ravel()]
        if image is not None:
            contour.ContourImageSequence = [image]
        made.append(contour)
    return made
