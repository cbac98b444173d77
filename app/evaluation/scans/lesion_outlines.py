"""How the findings' voxels cover the known lesions of a scan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.metrics.segmentation import measure_outline
from nodulus.app.result import LpsPoint
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL

_SUFFIXES = (".nii.gz", ".nii")
_AT_MOST_MM = 0.1
"""So far apart the corners of two grids may be that count as the same."""


class LesionOutline(BaseModel):
    """One lesion with a mask against the finding that covers most of it.

    Attributes:
        label: its value in the mask.
        center_lps_mm: centre of mass.
        finding_id: None where no finding covers any of it.
        dice: overlap of the two, 0 without a finding.
        mean_surface_distance_mm: None without a finding.
        true_volume_mm3: of the mask.
        relative_volume_error: drawn minus true, over the true volume.
    """

    model_config = ConfigDict(frozen=True)

    label: int
    center_lps_mm: LpsPoint
    finding_id: int | None
    dice: float
    mean_surface_distance_mm: float | None
    true_volume_mm3: float
    relative_volume_error: float


def find_mask(folder: Path | None, series_uid: str) -> Path | None:
    """The label image of a series, ``<series UID>.nii.gz`` or ``.nii``; None if there is none."""
    if folder is None:
        return None
    paths = (folder / f"{series_uid}{suffix}" for suffix in _SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def read_mask(path: Path, geometry: Geometry) -> NDArray[np.int64]:
    """A label image on the scan's own grid, shape (I, R, C).

    Raises:
        NodulusError: ``input-not-readable``: no image, or another grid than the scan's.
    """
    from nodulus.app.results.nifti import load_nifti

    try:
        image = load_nifti(path)
        values = np.asarray(image.dataobj).astype(np.int64)
    except Exception as error:  # nibabel raises its own kinds, zlib's and OSError
        raise _refused(path, f"it cannot be read ({type(error).__name__})") from error
    if values.ndim != 3 or values.shape[::-1] != geometry.shape_irc:
        raise _refused(path, f"it has shape {values.shape[::-1]}, the scan {geometry.shape_irc}")
    affine = (LPS_TO_RAS @ image.affine)[:, [2, 1, 0, 3]]
    corners = np.array([[0, 0, 0], geometry.shape_irc]) - 0.5
    own = Geometry(geometry.shape_irc, affine).index_to_lps(corners)
    if np.abs(own - geometry.index_to_lps(corners)).max() > _AT_MOST_MM:
        raise _refused(path, "it lies elsewhere in the patient than the scan")
    return np.asarray(values.transpose(2, 1, 0))


def _refused(path: Path, why: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        f"the mask cannot be used: {why}.",
        remedy="Give a NIfTI label image on the grid of the scan of the same name.",
        subject=path,
    )


def outline_lesions(
    labels: NDArray[np.integer], mask: NDArray[np.integer], geometry: Geometry
) -> tuple[LesionOutline, ...]:
    """Compare each lesion of a mask with the finding that shares most voxels with it.

    Args:
        labels: shape (I, R, C): a finding's id in its voxels, 0 elsewhere.
        mask: same shape: a lesion's label in its voxels, 255 where nobody has labelled.
        geometry: of both.
    """
    return tuple(_outlines(labels, mask, geometry))


def _outlines(
    labels: NDArray[np.integer], mask: NDArray[np.integer], geometry: Geometry
) -> Iterator[LesionOutline]:
    for label in np.unique(mask):
        if label in (0, IGNORE_LABEL):
            continue
        truth = mask == label
        shared = np.bincount(labels[truth].astype(np.int64))
        shared[0] = 0
        best = int(shared.argmax()) if shared.any() else None
        drawn = np.zeros_like(truth) if best is None else labels == best
        x, y, z = (float(v) for v in geometry.index_to_lps(np.argwhere(truth).mean(axis=0)))
        measures = measure_outline(drawn, truth, geometry.spacing_irc_mm)
        yield LesionOutline(
            label=int(label),
            center_lps_mm=(x, y, z),
            finding_id=best,
            dice=measures.dice,
            mean_surface_distance_mm=measures.mean_surface_distance_mm,
            true_volume_mm3=measures.true_volume_mm3,
            relative_volume_error=measures.relative_volume_error,
        )
