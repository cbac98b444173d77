"""A study's image as it is on disk: of a training cache the prepared one, else the scan itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.reader import read_image
from nodulus.bundles.common.data.studies import Study
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.lungs import find_lungs


@dataclass(frozen=True, eq=False)
class ScanImage:
    """One scan; ``geometry`` says what its axes are.

    Args:
        hu: Hounsfield units, three axes.
        geometry: of ``hu``.
        labels: uint8, of the shape of ``hu``: 0 background, n nodule n, 255 ignored; None where
            there is no mask.
        lungs: the lung region; None where there is none, or where nobody asked for it.
        lungs_geometry: of ``lungs``, whose grid may be coarser.
    """

    hu: NDArray[Any]
    geometry: Geometry
    labels: NDArray[np.uint8] | None
    lungs: NDArray[np.bool_] | None
    lungs_geometry: Geometry


def read_scan_image(study: Study, with_lungs: bool = True) -> ScanImage:
    """Read a study's image.

    Args:
        study: of a training cache or of a folder.
        with_lungs: whether to find the lungs, where they are not stored.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file cannot be read, or the mask's grid is not the image's.
    """
    if study.prepared is not None:
        return _prepared(study.prepared.path)
    if study.image is None:
        raise ValueError(f"series {study.series_uid} has no image")
    hu, geometry = _volume(study.image)
    labels = None
    if study.mask is not None:
        mask, own = _volume(study.mask)
        if not own.almost_equal(geometry, tolerance_mm=0.1):
            raise ValueError(f"{study.mask}: its grid is not that of {study.image.name}")
        if mask.min() < 0 or mask.max() > 255:
            raise ValueError(f"{study.mask}: labels go from 0 to 255")
        labels = mask.astype(np.uint8)
    region = find_lungs(hu, geometry) if with_lungs else None
    if region is None:
        return ScanImage(hu, geometry, labels, None, geometry)
    return ScanImage(hu, geometry, labels, region.search_region, region.geometry)


def _prepared(path: Path) -> ScanImage:
    try:
        item = load_prepared(path)
        arrays = {key: item[key][0].numpy() for key in ("image", "lungs", "label") if key in item}
        affine = np.asarray(item["affine"], dtype=np.float64)
        hu, lungs = arrays["image"], arrays["lungs"] > 0
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file; run `nodulus prepare` again") from error
    except Exception as error:  # what torch raises depends on which byte is wrong
        raise ValueError(f"{path}: not a prepared scan; run `nodulus prepare` again") from error
    geometry = Geometry(hu.shape, LPS_TO_RAS @ affine)
    return ScanImage(hu, geometry, arrays.get("label"), lungs if lungs.any() else None, geometry)


def _volume(path: Path) -> tuple[NDArray[Any], Geometry]:
    image = read_image(path)
    array: NDArray[Any] = SimpleITK.GetArrayFromImage(image)
    if array.ndim != 3:
        raise ValueError(f"{path}: {array.ndim} axes, a scan has three")
    return array, Geometry.from_itk(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
