"""A study as DICOM CT images (PS3.3 A.3, CT Image IOD)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from nodulus.app.data.phantom.phantom_study import PhantomStudy, make_uid
from nodulus.app.data.phantom.phantom_tables import STATE_FOLDER

INTERCEPT_HU = -1024
_IMPLEMENTATION_UID = UID(make_uid("nodulus", "implementation"))


def dicom_folder(root: Path, study: PhantomStudy) -> Path:
    """Where the series' files go."""
    who = study.identity
    return root / "dicom" / who.patient_id / who.study_uid / who.series_uid


def write_dicom(root: Path, study: PhantomStudy) -> Path:
    """Write one file a slice; instance 1 is the lowest slice. The folder appears when complete.

    Until then its files lie in the hidden folder of the records, where no reader of the data set
    looks; what an interrupted run left there goes when the study is made again.
    """
    folder = dicom_folder(root, study)
    beside = root / STATE_FOLDER / (study.identity.series_uid + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    common = _common(study)
    for n, plane in enumerate(study.hu):
        stored = (np.maximum(plane, INTERCEPT_HU) - INTERCEPT_HU).astype("<u2")
        _add_slice(common, study, n, stored)
        common.save_as(beside / f"{n + 1:06d}.dcm", enforce_file_format=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside.replace(folder)
    return folder


def _text(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{value:.10g}"


def _common(study: PhantomStudy) -> Dataset:  # noqa: PLR0915
    who, scan, geometry = study.identity, study.acquisition, study.geometry
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if scan else ["DERIVED", "SECONDARY", "AXIAL"]
    ds.SOPClassUID = CTImageStorage
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = f"{who.scanned:%Y%m%d}"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "120000"
    ds.AccessionNumber = ""
    ds.Modality = "CT"
    ds.Manufacturer = "Nodulus phantom"
    ds.ManufacturerModelName = "Chest 1"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = "1"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "CT CHEST PHANTOM"
    ds.SeriesDescription = "LUNG " + (scan.kernel if scan else "INSERTED NODULES")
    ds.PatientName = f"PHANTOM^{who.patient_id.removeprefix('PHANTOM-')}"
    ds.PatientID = who.patient_id
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.BodyPartExamined = "CHEST"
    ds.SliceThickness = _text(scan.slice_thickness_mm if scan else geometry.spacing_irc_mm[0])
    ds.KVP = _text(scan.kvp if scan else 120.0)
    ds.SpacingBetweenSlices = _text(round(geometry.spacing_irc_mm[0], 6))
    ds.ReconstructionDiameter = _text(round(geometry.spacing_irc_mm[2] * geometry.shape_irc[2], 3))
    ds.GantryDetectorTilt = "0"
    ds.ConvolutionKernel = scan.kernel if scan else "UNKNOWN"
    ds.XRayTubeCurrent = "200"
    ds.ExposureTime = "500"
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = who.study_uid
    ds.SeriesInstanceUID = who.series_uid
    ds.StudyID = str(who.index)
    ds.SeriesNumber = 2
    ds.AcquisitionNumber = 1
    direction = geometry.direction_irc
    ds.ImageOrientationPatient = [_text(v) for v in (*direction[:, 2], *direction[:, 1])]
    ds.FrameOfReferenceUID = who.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    if not scan:
        ds.DerivationDescription = "Nodules inserted by Nodulus"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = geometry.shape_irc[1:]
    ds.PixelSpacing = [_text(round(v, 6)) for v in geometry.spacing_irc_mm[1:]]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.WindowCenter, ds.WindowWidth = ["-600", "40"], ["1500", "400"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = str(INTERCEPT_HU), "1", "HU"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.file_meta.ImplementationClassUID = _IMPLEMENTATION_UID
    ds.file_meta.ImplementationVersionName = "NODULUS"
    return ds


def _add_slice(ds: Dataset, study: PhantomStudy, n: int, pixels: NDArray[np.uint16]) -> None:
    position = np.round(study.geometry.index_to_lps((n, 0, 0)), 6) + 0.0
    ds.SOPInstanceUID = make_uid(study.identity.series_uid, n)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.InstanceNumber = n + 1
    ds.ImagePositionPatient = [_text(v) for v in position]
    ds.SliceLocation = _text(float(position[2]))
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
