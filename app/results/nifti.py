"""Volumes as NIfTI files that overlay the source in any viewer."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry


def load_nifti(path: Path) -> SpatialImage:
    """Open an image with an affine, voxels not yet read.

    Args:
        path: NIfTI, or any other format that nibabel knows.

    Raises:
        TypeError: it is of a format without an affine, such as a surface.
        OSError, nibabel.filebasedimages.ImageFileError: it cannot be read.
    """
    image = nib.load(path)
    if not isinstance(image, SpatialImage):
        raise TypeError(f"{path} is no volume but {type(image).__name__}")
    return image


def encode_nifti(array: NDArray[Any], geometry: Geometry) -> bytes:
    """Give the bytes of a ``.nii.gz`` file (NIfTI-1), axes in the order column, row, slice.

    That is the axis order in which ITK reads and writes NIfTI, so that a mask has the same
    dimensions as the file that the volume came from.

    Args:
        array: shape (I, R, C), a type that NIfTI knows (not bool or float16).
        geometry: shape and place of ``array``.
    """
    affine_ras = geometry.affine_ras[:, [2, 1, 0, 3]]
    image = nib.Nifti1Image(np.ascontiguousarray(array.transpose(2, 1, 0)), affine_ras)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine_ras, code=1)
    axes = geometry.direction_irc
    if np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        # A qform cannot hold a sheared (tilted) grid; readers then fall back on the sform.
        image.set_qform(affine_ras, code=1)
    stream = BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1, mtime=0) as packed:
        image.to_stream(packed)
    return stream.getvalue()
