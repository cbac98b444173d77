"""A real CT as background: read, with its lungs and what to keep away from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.lungs import outlined_lungs

Sphere = tuple[tuple[float, float, float], float]


@dataclass(frozen=True, eq=False)
class Background:
    """A real chest CT.

    Args:
        hu: shape (I, R, C), int16; slice 0 lowest.
        geometry: in LPS mm.
        lungs: shape of ``hu``.
        avoid: spheres (centre LPS mm, radius mm) that hold real findings.
        digest: short checksum of the voxels.
    """

    hu: NDArray[np.int16]
    geometry: Geometry
    lungs: NDArray[np.bool_]
    avoid: tuple[Sphere, ...]
    digest: str


def read_background(path: Path, avoid: tuple[Sphere, ...] = ()) -> Background:
    """Read a DICOM folder (its longest series) or an image file that ITK knows.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is not an axial CT volume, or has no lungs.
    """
    image = sitk.ReadImage(str(path)) if path.is_file() else _read_folder(path)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise ValueError(f"{path}: not a volume of one value a voxel")
    image = sitk.DICOMOrient(image, "LPS")
    hu = np.clip(sitk.GetArrayFromImage(image), -2000, 4000).astype(np.int16)
    geometry = Geometry.from_itk(
        image.GetSize(), np.round(image.GetSpacing(), 6), np.round(image.GetOrigin(), 4),
        image.GetDirection(),
    )  # fmt: skip
    lungs = outlined_lungs(hu, geometry)
    if not lungs.any():
        raise ValueError(f"{path}: no lungs were found")
    digest = hashlib.sha256(hu.tobytes()).hexdigest()[:8]
    return Background(hu, geometry, lungs, avoid, digest)


def mark_ignored(labels: NDArray[np.uint8], geometry: Geometry, avoid: tuple[Sphere, ...]) -> None:
    """Give unlabelled voxels inside the spheres the label 255, in place.

    Of a sphere that lies between the slices the voxel nearest to its centre.
    """
    for center, radius in avoid:
        middle = geometry.lps_to_index(center)
        reach = radius / np.array(geometry.spacing_irc_mm) + 1
        low = np.clip(np.floor(middle - reach), 0, labels.shape).astype(int)
        high = np.clip(np.ceil(middle + reach) + 1, 0, labels.shape).astype(int)
        if np.any(high <= low):
            continue
        index = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1)
        inside = np.linalg.norm(geometry.index_to_lps(index) - np.array(center), axis=-1) <= radius
        inside |= np.all(index == np.round(middle), axis=-1)
        box = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        box[inside & (box == 0)] = IGNORE_LABEL


def _read_folder(path: Path) -> sitk.Image:
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    best: tuple[str, ...] = ()
    for folder in sorted({path, *(p.parent for p in path.rglob("*") if p.is_file())}):
        for series in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
            names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series)
            best = max(best, names, key=len)
    if len(best) < 10:
        raise ValueError(f"{path}: no DICOM series of ten or more slices")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(best)
    image: sitk.Image = reader.Execute()
    return image
