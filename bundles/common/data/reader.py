"""MONAI's image reader on SimpleITK, which reads mhd, NIfTI, NRRD and DICOM folders alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from monai.data.image_reader import ImageReader
from monai.utils.enums import MetaKeys, SpaceKeys
from numpy.typing import NDArray

from nodulus.transforms.geometry import LPS_TO_RAS


class SimpleITKReader(ImageReader):
    """Read one image a file, or the longest series of a DICOM folder.

    The array has ITK's axes (x, y, z) and the affine takes them to RAS mm.
    """

    def verify_suffix(self, filename: Sequence[Path | str] | Path | str) -> bool:
        """Any file: SimpleITK decides by content."""
        return True

    def read(self, data: Sequence[Path | str] | Path | str, **kwargs: Any) -> list[Any]:
        """Read into SimpleITK images.

        Raises:
            FileNotFoundError: no such file or folder.
            ValueError: a folder without a DICOM series, or a file that SimpleITK cannot read.
        """
        names = [data] if isinstance(data, (str, Path)) else list(data)
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
        meta = {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPATIAL_SHAPE: np.asarray(array.shape),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan"),
        }
        return array, meta


def read_image(path: Path) -> Any:
    """Read a 3D image file, or the longest series of a DICOM folder, with SimpleITK."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    try:
        if path.is_file():
            return SimpleITK.ReadImage(str(path))
        reader = SimpleITK.ImageSeriesReader()
        series = reader.GetGDCMSeriesIDs(str(path))
        files = [reader.GetGDCMSeriesFileNames(str(path), uid) for uid in series]
        if not files:
            raise ValueError(f"{path}: no DICOM series")
        reader.SetFileNames(max(files, key=len))
        return reader.Execute()
    except RuntimeError as error:
        raise ValueError(f"{path}: SimpleITK cannot read it") from error
