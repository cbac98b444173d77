"""A small CT series in memory, and SEG and RTSTRUCT objects made on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from skimage.measure import find_contours

from nodulus.app.data.masks.slices import SourceSlices

SHAPE_IRC = (8, 40, 50)
SPACING_MM = (0.8, 0.7)
STEP_MM = 2.5
ORIGIN = (-100.0, -80.0, -40.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
FRAME = generate_uid(entropy_srcs=["frame"])
SERIES = generate_uid(entropy_srcs=["series"])
STUDY = generate_uid(entropy_srcs=["study"])


def ct_images(orientation: Sequence[float] = AXIAL) -> list[Dataset]:
    """The images from the lowest up, without pixels worth looking at."""
    images = []
    for k in range(SHAPE_IRC[0]):
        ds = Dataset()
        ds.SOPClassUID = CTImageStorage
        ds.SOPInstanceUID = generate_uid(entropy_srcs=["image", str(k)])
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = STUDY, SERIES, FRAME
        ds.Modality = "CT"
        ds.PatientName, ds.PatientID = "Never^Shown", "never-shown"
        ds.PatientBirthDate = ds.PatientSex = ds.AccessionNumber = ds.StudyID = ""
        ds.StudyDate, ds.StudyTime = "20200101", "120000"
        ds.ReferringPhysicianName = ds.PositionReferenceIndicator = ""
        ds.Manufacturer = "Nodulus tests"
        ds.SeriesNumber = ds.InstanceNumber = k + 1
        ds.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + STEP_MM * k]
        ds.ImageOrientationPatient = list(orientation)
        ds.PixelSpacing, ds.SliceThickness = list(SPACING_MM), STEP_MM
        ds.Rows, ds.Columns = SHAPE_IRC[1:]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 0
        ds.PixelData = np.zeros(SHAPE_IRC[1:], dtype="<u2").tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        images.append(ds)
    return images


def source(skip: Sequence[int] = (), **changes: Any) -> SourceSlices:
    """The images as masks are laid on them."""
    keep = [k for k in range(SHAPE_IRC[0]) if k not in skip]
    values: dict[str, Any] = {
        "series_uid": SERIES,
        "frame_of_reference_uid": FRAME,
        "positions_lps_mm": np.array([np.add(ORIGIN, (0, 0, STEP_MM * k)) for k in keep]),
        "row": np.array([1.0, 0.0, 0.0]),
        "column": np.array([0.0, 1.0, 0.0]),
        "spacing_rc_mm": SPACING_MM,
        "shape_rc": SHAPE_IRC[1:],
    }
    return SourceSlices(**{**values, **changes})


def two_balls() -> NDArray[np.bool_]:
    """Shape (2, I, R, C): a larger and a smaller nodule, apart."""
    i, r, c = np.meshgrid(*[np.arange(n) for n in SHAPE_IRC], indexing="ij")
    masks = []
    for center, radius in (((3, 12, 15), 6.0), ((5, 28, 36), 4.0)):
        distance = np.sqrt(
            ((i - center[0]) * STEP_MM) ** 2
            + ((r - center[1]) * SPACING_MM[0]) ** 2
            + ((c - center[2]) * SPACING_MM[1]) ** 2
        )
        masks.append(distance < radius)
    return np.stack(masks)


def lungs() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE_IRC, dtype=bool)
    mask[:, 4:36, 4:46] = True
    return mask & ~two_balls().any(axis=0)


def write_seg(
    path: Path,
    segments: Sequence[tuple[str, Any, NDArray[Any]]],
    *,
    kind: str = "BINARY",
    images: Sequence[Dataset] | None = None,
    **options: Any,
) -> Path:
    """Write (label, property type, mask (I, R, C)) with highdicom."""
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=property_type,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, (label, property_type, _) in enumerate(segments, start=1)
    ]
    pixels = np.stack([mask for *_, mask in segments], axis=-1)
    if kind == "LABELMAP":
        pixels = (pixels * np.arange(1, len(segments) + 1)).max(axis=-1)
    seg = hd.seg.Segmentation(
        source_images=list(images or ct_images()),
        pixel_array=pixels if kind == "FRACTIONAL" else pixels.astype(np.uint8),
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Nodulus tests",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
        **options,
    )
    seg.save_as(path)
    return path


def contours_of(mask: NDArray[np.bool_], step: float = 0.5) -> list[NDArray[np.float64]]:
    """Closed curves (n, 3) in LPS mm round a mask, half-way between pixels."""
    curves = []
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        plane = np.pad(mask[k], 1).astype(float)
        for line in find_contours(plane, step):
            rows, columns = (line - 1).T
            x = ORIGIN[0] + columns * SPACING_MM[1]
            y = ORIGIN[1] + rows * SPACING_MM[0]
            curves.append(np.column_stack([x, y, np.full(len(x), ORIGIN[2] + STEP_MM * k)])[:-1])
    return curves


def write_rtstruct(
    path: Path,
    rois: Sequence[tuple[str, str, Sequence[NDArray[np.float64]]]],
    *,
    kind: str = "CLOSED_PLANAR",
    frame: str = FRAME,
    series: str | None = SERIES,
) -> Path:
    """Write (name, interpreted type, curves) with pydicom."""
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = STUDY, generate_uid(), "RTSTRUCT"
    ds.PatientName, ds.PatientID = "Never^Shown", "never-shown"
    ds.StructureSetLabel = "TEST"
    reference = Dataset()
    reference.FrameOfReferenceUID = frame
    if series is not None:
        of_series, of_study = Dataset(), Dataset()
        of_series.SeriesInstanceUID = series
        of_study.RTReferencedSeriesSequence = Items([of_series])
        reference.RTReferencedStudySequence = Items([of_study])
    ds.ReferencedFrameOfReferenceSequence = Items([reference])
    structures, contours, observations = [], [], []
    for number, (name, interpreted, curves) in enumerate(rois, start=1):
        roi, drawn, seen = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame
        drawn.ReferencedROINumber = seen.ReferencedROINumber = number
        seen.ObservationNumber, seen.RTROIInterpretedType = number, interpreted
        items = []
        for curve in curves:
            item = Dataset()
            item.ContourGeometricType = kind
            item.NumberOfContourPoints = len(curve)
            item.ContourData = [f"{value:.4f}" for value in np.ravel(curve)]
            items.append(item)
        drawn.ContourSequence = Items(items)
        structures.append(roi)
        contours.append(drawn)
        observations.append(seen)
    ds.StructureSetROISequence = Items(structures)
    ds.ROIContourSequence = Items(contours)
    ds.RTROIObservationsSequence = Items(observations)
    return save(ds, path)


def save(ds: Dataset, path: Path) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    FileDataset(str(path), ds, file_meta=meta, preamble=b"\0" * 128).save_as(path)
    return path
