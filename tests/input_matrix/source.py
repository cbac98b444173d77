"""The plain series that every variant is made from, and what they all need to write one."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

IntArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Source:
    """A plain axial CT series: one file a slice, even, complete, not compressed.

    Args:
        images: in order towards the head.
        hu: shape (I, R, C), of the images.
    """

    images: tuple[Dataset, ...]
    hu: IntArray

    @classmethod
    def from_folder(cls, folder: Path) -> Source:
        """Read the CT images of a folder that holds one such series."""
        images = [pydicom.dcmread(path) for path in sorted(folder.iterdir()) if path.is_file()]
        images = [image for image in images if image.get("Modality") == "CT"]
        for image in images:
            if image.file_meta.TransferSyntaxUID.is_compressed:
                image.decompress()
        images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
        return cls(tuple(images), np.stack([hounsfield(image) for image in images]))

    def copies(self) -> list[Dataset]:
        """The images, to be changed."""
        return [copy.deepcopy(image) for image in self.images]

    def encoded_anew(self) -> Source:
        """The same series with what is below -1024 HU, as padding is, raised to that."""
        hu = self.hu.clip(-1024)
        images = self.copies()
        for image, values in zip(images, hu, strict=True):
            set_hounsfield(image, values)
        return Source(tuple(images), hu)

    def part(self, slices: slice, every: int) -> Source:
        """Some of the slices, with every so many row and column: what is quick to write.

        Args:
            slices: which ones.
            every: first pixel and the pixels that lie so many rows and columns from it.
        """
        hu = self.hu[slices, ::every, ::every]
        images = self.copies()[slices]
        for image, values in zip(images, hu, strict=True):
            image.PixelSpacing = decimals([mm * every for mm in self.spacing_rc_mm])
            set_hounsfield(image, values)
        return Source(tuple(images), hu)

    @property
    def spacing_rc_mm(self) -> tuple[float, float]:
        """PixelSpacing."""
        rows, columns = self.images[0].PixelSpacing
        return float(rows), float(columns)

    @property
    def step_mm(self) -> float:
        """Distance between neighbouring slices."""
        return float(self.positions[1, 2] - self.positions[0, 2])

    @property
    def positions(self) -> NDArray[np.float64]:
        """ImagePositionPatient of every slice, shape (I, 3)."""
        return np.array([image.ImagePositionPatient for image in self.images], dtype=float)


def hounsfield(image: Dataset) -> IntArray:
    """The values of a plain image, whole Hounsfield units."""
    return np.rint(
        image.pixel_array.astype(float) * float(image.RescaleSlope) + float(image.RescaleIntercept)
    ).astype(np.int32)


def set_hounsfield(
    image: Dataset,
    hu: NDArray[Any],
    *,
    slope: float = 1.0,
    intercept: float = -1024.0,
    signed: bool = False,
    bits: int = 16,
) -> None:
    """Store values anew; what does not fit into the bits is clipped."""
    lowest = -(2 ** (bits - 1)) if signed else 0
    stored = np.clip(np.rint((hu - intercept) / slope), lowest, lowest + 2**bits - 1)
    image.Rows, image.Columns = stored.shape
    image.RescaleSlope, image.RescaleIntercept = decimals([slope, intercept])
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
    image.PixelRepresentation = int(signed)
    image.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()
    image["PixelData"].VR = "OW"
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if keyword in image:
            del image[keyword]


def new_series(
    source: Source,
    name: str,
    hu: Iterable[NDArray[Any]],
    positions_lps_mm: ArrayLike,
    *,
    orientation: Sequence[float] | None = None,
    spacing_rc_mm: Sequence[float] | None = None,
) -> list[Dataset]:
    """Images that look like the source's, of other values at other places.

    Args:
        source: gives every other attribute.
        name: of the series, from which its UIDs are made; empty to stay in the source's series.
        hu: the values of each image, shape (R, C).
        positions_lps_mm: shape (N, 3), ImagePositionPatient.
        orientation: ImageOrientationPatient, if it is another one.
        spacing_rc_mm: PixelSpacing, if it is another one.
    """
    images = []
    for k, (values, position) in enumerate(zip(hu, np.asarray(positions_lps_mm), strict=True)):
        image = copy.deepcopy(source.images[min(k, len(source.images) - 1)])
        image.ImagePositionPatient = decimals(position)
        if orientation is not None:
            image.ImageOrientationPatient = decimals(orientation)
        if spacing_rc_mm is not None:
            image.PixelSpacing = decimals(spacing_rc_mm)
        image.InstanceNumber = k + 1
        set_hounsfield(image, values)
        renew(image, name or "again", k, series=bool(name))
        images.append(image)
    return images


def renew(image: Dataset, name: str, number: int, *, series: bool = False) -> None:
    """Give an image another SOPInstanceUID, and another SeriesInstanceUID if asked for."""
    image.SOPInstanceUID = new_uid(image.SOPInstanceUID, name, number)
    if series:
        image.SeriesInstanceUID = new_uid(image.SeriesInstanceUID, name)


def new_uid(*parts: object) -> str:
    """A UID that depends on nothing but the parts."""
    return str(generate_uid(entropy_srcs=[str(part) for part in parts]))


def decimals(values: ArrayLike) -> list[str]:
    """Numbers as Decimal Strings, of at most 16 characters."""
    return [f"{value:.10g}"[:16] for value in np.asarray(values, dtype=float).ravel()]


def write(
    images: Iterable[Dataset],
    folder: Path,
    *,
    syntax: str = ExplicitVRLittleEndian,
    prefix: str = "ct",
) -> list[Path]:
    """Write one file an image, numbered in the order given.

    Args:
        images: not compressed, or compressed by ``syntax`` already.
        folder: exists.
        syntax: transfer syntax to write by.
        prefix: of the file names.

    Returns:
        The files.
    """
    paths = []
    for number, image in enumerate(images, start=1):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = image.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2")
        meta.MediaStorageSOPInstanceUID = image.get("SOPInstanceUID", new_uid(prefix, number))
        meta.TransferSyntaxUID = syntax
        image.file_meta = meta
        image.preamble = b"\0" * 128
        path = folder / f"{prefix}{number:04d}.dcm"
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
