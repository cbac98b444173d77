"""A small CT series as DICOM files, and a result about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

from nodulus.app.result import (
    CandidateRecord,
    Finding,
    ModelInfo,
    OperatingPoint,
    ResultWarning,
    SeriesChoice,
    StudyResult,
    VolumeInfo,
)
from nodulus.app.volume import CtVolume, SeriesFacts, SourceImage
from nodulus.transforms.geometry import Geometry

SHAPE = (20, 64, 64)
SPACING_MM = (2.5, 1.5, 1.5)
PATIENT_NAME = "Secret^Person"
PATIENT_ID = "SECRET-4711"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def ct_array(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hu = rng.normal(-850.0, 20.0, SHAPE)
    hu[7:12, 20:28, 30:38] = 40.0
    return hu.astype(np.int16)


def _common(identity: bool) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Modality = "CT"
    dataset.Rows, dataset.Columns = SHAPE[1:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
    dataset.SeriesNumber = 3
    dataset.Manufacturer = ""
    if identity:
        dataset.FrameOfReferenceUID = generate_uid()
        dataset.PatientName = PATIENT_NAME
        dataset.PatientID = PATIENT_ID
        dataset.PatientBirthDate = "19500102"
        dataset.PatientSex = "F"
        dataset.StudyID = "1"
        dataset.StudyDate = "20200102"
        dataset.StudyTime = "101500"
        dataset.AccessionNumber = ""
        dataset.ReferringPhysicianName = ""
        dataset.SliceThickness = SPACING_MM[0]
    return dataset


def _saved(dataset: Dataset, sop_class: str, path: Path) -> Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SOPClassUID = sop_class
    whole = FileDataset(str(path), dataset, file_meta=meta, preamble=b"\0" * 128)
    whole.save_as(path, enforce_file_format=True)
    return dataset


def write_series(
    folder: Path,
    *,
    identity: bool = True,
    orientation: tuple[float, ...] = AXIAL,
    step_lps_mm: tuple[float, float, float] = (0.0, 0.0, SPACING_MM[0]),
) -> CtVolume:
    """Single-frame files, instance numbers running from the head down."""
    folder.mkdir(parents=True, exist_ok=True)
    hu = ct_array()
    common = _common(identity)
    images = []
    for index in range(SHAPE[0]):
        dataset = Dataset()
        dataset.update(common)
        dataset.SOPInstanceUID = generate_uid()
        dataset.InstanceNumber = SHAPE[0] - index
        position = np.array([-40.0, -60.0, -200.0]) + index * np.array(step_lps_mm)
        dataset.ImagePositionPatient = [float(value) for value in position]
        dataset.ImageOrientationPatient = list(orientation)
        dataset.PixelSpacing = list(SPACING_MM[1:])
        dataset.PixelData = hu[index].tobytes()
        path = folder / f"{index:03d}.dcm"
        _saved(dataset, CTImageStorage, path)
        images.append(
            SourceImage(
                path,
                dataset.SOPInstanceUID,
                str(CTImageStorage),
                None,
                tuple(dataset.ImagePositionPatient),
            )
        )
    geometry = Geometry.from_dicom(
        SHAPE, orientation, (-40.0, -60.0, -200.0), step_lps_mm, SPACING_MM[1:]
    )
    return CtVolume(
        hu,
        geometry,
        str(common.SeriesInstanceUID),
        str(common.StudyInstanceUID),
        "dicom",
        tuple(images),
        facts=SeriesFacts(modality="CT", series_number=3),
    )


def write_multiframe(folder: Path) -> CtVolume:
    """One Enhanced CT file whose frames run from the head down."""
    folder.mkdir(parents=True, exist_ok=True)
    hu = ct_array()
    dataset = _common(identity=True)
    dataset.SOPInstanceUID = generate_uid()
    dataset.NumberOfFrames = SHAPE[0]
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = list(AXIAL)
    measures.PixelSpacing = list(SPACING_MM[1:])
    measures.SliceThickness = SPACING_MM[0]
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index in reversed(range(SHAPE[0])):
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = [-40.0, -60.0, -200.0 + index * SPACING_MM[0]]
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = hu[::-1].tobytes()
    path = folder / "multi.dcm"
    _saved(dataset, EnhancedCTImageStorage, path)
    images = tuple(
        SourceImage(
            path,
            dataset.SOPInstanceUID,
            str(EnhancedCTImageStorage),
            SHAPE[0] - index,
            (-40.0, -60.0, -200.0 + index * SPACING_MM[0]),
        )
        for index in range(SHAPE[0])
    )
    geometry = Geometry.from_dicom(
        SHAPE, AXIAL, (-40.0, -60.0, -200.0), (0.0, 0.0, SPACING_MM[0]), SPACING_MM[1:]
    )
    return CtVolume(
        hu,
        geometry,
        str(dataset.SeriesInstanceUID),
        str(dataset.StudyInstanceUID),
        "dicom",
        images,
    )


def two_labels() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[7:12, 20:28, 30:38] = 1
    labels[14:16, 40:44, 10:14] = 2
    return labels


def result_for(volume: CtVolume, labels: np.ndarray) -> StudyResult:
    findings = tuple(
        _finding(volume, labels, number) for number in range(1, int(labels.max(initial=0)) + 1)
    )
    candidates = (
        *(
            CandidateRecord(
                center_lps_mm=finding.center_lps_mm,
                volume_mm3=finding.volume_mm3,
                segmentation_probability=0.99,
                nodule_probability=0.8,
                kept=True,
                reason="Kept.",
                finding_id=finding.id,
            )
            for finding in findings
        ),
        CandidateRecord(
            center_lps_mm=(1.0, 2.0, -180.0),
            volume_mm3=12.0,
            segmentation_probability=0.4,
            nodule_probability=None,
            kept=False,
            reason="Smaller than <b>3 mm</b>.",
        ),
    )
    return StudyResult(
        nodulus_version="0.1.0",
        created="2025-01-31T12:34:56+00:00",
        study_uid=volume.study_uid,
        series_uid=volume.series_uid,
        volume=VolumeInfo(
            source_format=volume.source_format,
            shape_irc=volume.geometry.shape_irc,
            spacing_irc_mm=volume.geometry.spacing_irc_mm,
            affine_lps=tuple(tuple(row) for row in volume.geometry.affine_lps.tolist()),
        ),
        series_considered=(
            SeriesChoice(series_uid=volume.series_uid, chosen=True, reason="The only one."),
        ),
        models=(
            ModelInfo(name="nodule", version="0.1.0", sha256="ab" * 32, trained_on="phantoms"),
        ),
        operating_points=(OperatingPoint(name="malignancy", threshold=0.35, chosen_on="phantoms"),),
        warnings=(ResultWarning(code="thick-slices", message="Slices are thick."),),
        timings_s={"segmentation": 1.0},
        findings=findings,
        candidates=candidates,
    )


def _finding(volume: CtVolume, labels: np.ndarray, number: int) -> Finding:
    index = np.argwhere(labels == number)
    center = volume.geometry.index_to_lps(index.mean(axis=0))
    hu = volume.hu[labels == number]
    reach = np.array([6.0, 0.0, 0.0]) / number
    down = np.array([0.0, 5.0, 0.0]) / number
    return Finding(
        id=number,
        tracking_uid=f"2.25.{1000 + number}",
        center_lps_mm=tuple(center),
        center_index_irc=tuple(index.mean(axis=0)),
        nodule_probability=0.9 / number,
        malignancy_probability=0.8 / number**2,
        segmentation_probability=0.99,
        longest_diameter_mm=12.0 / number,
        perpendicular_diameter_mm=10.0 / number,
        longest_diameter_ends_lps_mm=(tuple(center - reach), tuple(center + reach)),
        perpendicular_diameter_ends_lps_mm=(tuple(center - down), tuple(center + down)),
        equivalent_diameter_mm=11.0 / number,
        volume_mm3=len(index) * volume.geometry.voxel_volume_mm3,
        mean_hu=float(hu.mean()),
        sd_hu=float(hu.std()),
        voxel_count=len(index),
        texture="part-solid" if number == 1 else None,
        solid_volume_mm3=120.5 if number == 1 else None,
        solid_longest_diameter_mm=6.25 if number == 1 else None,
        laterality="right" if number == 1 else None,
        lobe="lower" if number == 1 else None,
        suspicious=number == 1,
    )
