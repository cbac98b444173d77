"""MONAI's image reader on SimpleITK, which reads mhd, NIfTI and NRRD alike, but no DICOM."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from monai.config import PathLike
from monai.data.image_reader import ImageReader
from monai.utils.enums import MetaKeys, SpaceKeys
from numpy.typing import NDArray

from nodulus.transforms.geometry import LPS_TO_RAS

_PREAMBLE = 128


class SimpleITKReader(ImageReader):
    """Read one image a file.

    The array has ITK's axes (x, y, z) and the affine takes them to RAS mm.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Any file: SimpleITK decides by content."""
        return True

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> list[Any]:
        """Read into SimpleITK images.

        Raises:
            FileNotFoundError: no such file.
            ValueError: as :func:`read_image`.
        """
        names = [data] if isinstance(data, (str, os.PathLike)) else list(data)
        return [read_image(Path(name)) for name in names]

    def get_data(self, img: Sequence[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """Return the array, axes (x, y, z), and its metadata."""
        (image,) = img
        array = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)
        affine = np.eye(4)
        direction = np.asarray(image.GetDirection()).reshape(3, 3)
        affine[:3, :3] = direction * np.asarray(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
        affine = LPS_TO_RAS @ affine
        meta: dict[str, Any] = {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPATIAL_SHAPE: np.asarray(array.shape),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan"),
        }
        return array, meta


class DicomError(ValueError):
    """DICOM where a bundle reads images.

    SimpleITK takes what slices there are for evenly spaced ones: with missing slices, a tilted
    gantry or two acquisitions in one series, voxels would lie in the wrong place without a word.

    Args:
        path: of the file or folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: DICOM, which a bundle does not read: the place of its slices needs checks. "
            f"Run `nodulus detect --keep-intermediates -o OUT {shlex.quote(str(path))}`, which "
            "reads DICOM and writes findings and the probability map (own weights: --models), or "
            "give the bundle NIfTI, mhd or NRRD."
        )


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM (PS3.10: ``DICM`` after a preamble of 128 bytes)."""
    with path.open("rb") as file:
        file.seek(_PREAMBLE)
        return file.read(4) == b"DICM"


def read_image(path: Path) -> Any:
    """Read a 3D image file with SimpleITK.

    Raises:
        FileNotFoundError: no such file.
        ValueError: SimpleITK cannot read it, or it is not one 3D image of one value a voxel; or
            it is DICOM, see :class:`DicomError`.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    io = SimpleITK.ImageFileReader.GetImageIOFromFileName(str(path)) if path.is_file() else ""
    if path.is_dir() or io == "GDCMImageIO" or is_dicom(path):
        raise DicomError(path)
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path}: SimpleITK cannot read it") from error
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        shape = " x ".join(map(str, image.GetSize()))
        raise ValueError(f"{path}: its shape is {shape}, not one 3D image of one value a voxel")
    return image
