"""Writes small DICOM CT series with everything that can be odd about them.

``write_series`` writes one file a slice, ``write_multiframe`` one Enhanced CT file. ``edit`` is
called with every dataset before it is saved, for what has no knob.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

Edit = Callable[[Dataset, int], None]
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def uid(*parts: object) -> str:
    """A UID that depends on nothing but the parts."""
    return str(generate_uid(entropy_srcs=[repr(part) for part in parts]))


def body_hu(shape_irc: tuple[int, int, int] = (40, 24, 20), seed: int = 0) -> NDArray[np.int16]:
    """A box of tissue in air with two lungs in it, smooth along I, different in every voxel."""
    slices, rows, columns = shape_irc
    rng = np.random.default_rng(seed)
    hu = np.full(shape_irc, -1000, dtype=np.int16)
    r, c = slice(rows // 8, rows - rows // 8), slice(columns // 8, columns - columns // 8)
    hu[:, r, c] = 40
    hu[:, rows // 4 : 3 * rows // 4, columns // 4 : 3 * columns // 4] = -850
    hu += rng.integers(-20, 20, (1, rows, columns)).astype(np.int16)
    hu += (3 * np.arange(slices, dtype=np.int16))[:, np.newaxis, np.newaxis]
    return hu


def write_series(
    folder: Path,
    hu: NDArray[Any],
    *,
    spacing_mm: tuple[float, float] = (0.75, 0.5),
    step_mm: float | ArrayLike = 3.0,
    heights_mm: Sequence[float] | None = None,
    first_lps_mm: ArrayLike = (-100.0, -80.0, -300.0),
    orientation: Sequence[float] = AXIAL,
    slopes: Sequence[float] | float = 1.0,
    intercepts: Sequence[float] | float = -1024.0,
    keep: Sequence[int] | None = None,
    shuffle: int | None = 0,
    study: str = "study",
    series: str = "series",
    signed: bool = False,
    edit: Edit | None = None,
    prefix: str = "",
) -> list[Path]:
    """Write one CT file a slice.

    Args:
        folder: created if need be.
        hu: shape (I, R, C); slice k lies at ``first + k * step``.
        spacing_mm: between rows, between columns.
        step_mm: distance along the normal, or the vector from slice to slice (a tilted gantry).
        heights_mm: distance of each slice from the first along the normal, instead of ``step_mm``.
        first_lps_mm: ImagePositionPatient of slice 0.
        orientation: ImageOrientationPatient.
        slopes: RescaleSlope of all, or of each slice.
        intercepts: RescaleIntercept of all, or of each slice.
        keep: write only these slices.
        shuffle: seed that mixes file names and InstanceNumbers; None keeps them in order.
        study: text that the StudyInstanceUID is made from.
        series: text that the SeriesInstanceUID and the file names are made from.
        signed: PixelRepresentation 1.
        edit: changes each dataset, given it and its slice number.
        prefix: put before the file names.

    Returns:
        The files, by slice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = list(range(1, len(hu) + 1))
    if shuffle is not None:
        random.Random(shuffle).shuffle(numbers)
    normal = np.cross(orientation[:3], orientation[3:])
    step = normal * step_mm if np.ndim(step_mm) == 0 else np.asarray(step_mm, dtype=float)
    paths = []
    for k in range(len(hu)) if keep is None else keep:
        offset = step * k if heights_mm is None else normal * heights_mm[k]
        slope = slopes if isinstance(slopes, (int, float)) else slopes[k]
        intercept = intercepts if isinstance(intercepts, (int, float)) else intercepts[k]
        dataset = _image(CTImageStorage, uid(study, series, k), study, series)
        dataset.ImagePositionPatient = _decimals(np.asarray(first_lps_mm, dtype=float) + offset)
        dataset.ImageOrientationPatient = _decimals(orientation)
        dataset.PixelSpacing = _decimals(spacing_mm)
        dataset.SliceThickness = "3.0" if np.ndim(step_mm) else f"{float(step_mm):.4g}"
        dataset.InstanceNumber = numbers[k]
        dataset.RescaleSlope, dataset.RescaleIntercept = _decimals([slope, intercept])
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ConvolutionKernel = "STANDARD"
        _set_pixels(dataset, np.rint((hu[k].astype(float) - intercept) / slope), signed)
        if edit is not None:
            edit(dataset, k)
        path = folder / f"{prefix}{series}-{numbers[k]:04d}.dcm"
        save(dataset, path)
        paths.append(path)
    return paths


def write_multiframe(
    path: Path,
    hu: NDArray[Any],
    *,
    spacing_mm: tuple[float, float] = (0.75, 0.5),
    step_mm: float = 3.0,
    first_lps_mm: ArrayLike = (-100.0, -80.0, -300.0),
    orientation: Sequence[float] = AXIAL,
    intercepts: Sequence[float] | float = -1024.0,
    shuffle: int | None = 0,
    all_per_frame: bool = False,
    edit: Edit | None = None,
) -> Path:
    """Write one Enhanced CT file with its functional groups shared, or all of them per frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = list(range(len(hu)))
    if shuffle is not None:
        random.Random(shuffle).shuffle(order)
    normal = np.cross(orientation[:3], orientation[3:])
    dataset = _image(EnhancedCTImageStorage, uid("multiframe", path.name), "study", path.stem)
    dataset.NumberOfFrames = len(hu)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    frames, stored = [], []
    for k in order:
        intercept = intercepts if isinstance(intercepts, (int, float)) else intercepts[k]
        frame = Dataset()
        place = np.asarray(first_lps_mm, dtype=float) + normal * step_mm * k
        frame.PlanePositionSequence = _item(ImagePositionPatient=_decimals(place))
        frame.PixelValueTransformationSequence = _item(
            RescaleIntercept=f"{intercept:g}", RescaleSlope="1", RescaleType="HU"
        )
        frames.append(frame)
        stored.append(np.rint(hu[k].astype(float) - intercept))
    shared = Dataset()
    for group in frames if all_per_frame else [shared]:
        group.PixelMeasuresSequence = _item(
            PixelSpacing=_decimals(spacing_mm), SliceThickness=f"{step_mm:g}"
        )
        group.PlaneOrientationSequence = _item(ImageOrientationPatient=_decimals(orientation))
        group.CTReconstructionSequence = _item(ConvolutionKernel="STANDARD")
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    _set_pixels(dataset, np.stack(stored), signed=False)
    if edit is not None:
        edit(dataset, 0)
    save(dataset, path)
    return path


def save(dataset: Dataset, path: Path) -> None:
    """Write a dataset as a DICOM file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", uid("none"))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), dataset, file_meta=meta, preamble=b"\0" * 128)
    file.save_as(path, enforce_file_format=True)


def _image(sop_class: str, sop_uid: str, study: str, series: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = sop_uid
    dataset.StudyInstanceUID = uid(study)
    dataset.SeriesInstanceUID = uid(study, series)
    dataset.FrameOfReferenceUID = uid(study, "frame of reference")
    dataset.Modality = "CT"
    dataset.PatientName = "Never^Shown"
    dataset.PatientID = "never-shown"
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1
    dataset.KVP = "120"
    dataset.Manufacturer = "Nodulus tests"
    return dataset


def _set_pixels(dataset: Dataset, stored: NDArray[Any], signed: bool) -> None:
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()


def _decimals(values: ArrayLike) -> list[str]:
    return [f"{value:.10g}"[:16] for value in np.asarray(values, dtype=float).ravel()]


def _item(**attributes: Any) -> DicomSequence:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return DicomSequence([item])
