"""Nodules with a malignancy rating as cubes: image, mask and truth, all in one orientation.

From prepared studies, or from a folder of crops: ``crops.npz`` with ``hu`` (n, edge, edge, edge)
int16 and ``mask`` bool, axes (I, R, C) of axial slices at 1 mm, I towards the head, R towards the
back, C towards the left; ``labels.csv`` with a row for each and the columns ``crop``, ``patient``,
``malignancy`` (1 to 5) and ``equivalent_diameter_mm``; others of :data:`RATINGS` may be there.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bundles.common.data.prepared import PreparedStudies
from bundles.common.data.studies import Study
from transforms.geometry import LPS_TO_RAS, Geometry
from transforms.patch_sampling import lps_to_voxel
from transforms.patches import crop_cube

logger = logging.getLogger(__name__)

UNDECIDED = 3
"""The rating that is neither benign nor malignant; LIDC-IDRI's custom is to leave it out."""
RATINGS = ("texture", "spiculation", "lobulation", "margin", "sphericity", "subtlety")
EDGE = 64
AIR_HU = -1024


@dataclass(frozen=True, eq=False)
class RatedCrop:
    """One nodule in the middle of a cube.

    Args:
        name: of the nodule, unique in its set.
        patient: whose nodule it is, or whose contours gave its shape.
        hu: int16, shape (X, Y, Z) in RAS order.
        mask: bool, same shape.
        malignant: whether the readers' median rating is above 3.
        diameter_mm: as annotated.
        spacing_mm: isotropic.
        ratings: the readers' other ratings by name, such as texture and spiculation, where known.
    """

    name: str
    patient: str
    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    malignant: bool
    diameter_mm: float
    spacing_mm: float = 1.0
    ratings: Mapping[str, float] = field(default_factory=dict)

    @property
    def geometry(self) -> Geometry:
        """Of the cube, its first voxel at the origin; the axes are X, Y and Z."""
        x, y, z = self.hu.shape
        scale = np.diag([self.spacing_mm] * 3 + [1.0])
        return Geometry((x, y, z), LPS_TO_RAS @ scale)

    @property
    def volume_mm3(self) -> float:
        """Voxels of the mask times their volume."""
        return float(self.mask.sum()) * self.spacing_mm**3

    def cube(self, size: int, window_hu: Sequence[float]) -> torch.Tensor:
        """What the network takes: shape (1, size, size, size), the window scaled to 0 to 1."""
        low, high = window_hu
        image = torch.from_numpy(self.hu)[None]
        middle = [edge // 2 for edge in self.hu.shape]
        cube = crop_cube(image, middle, size, AIR_HU).float()
        return ((cube - low) / (high - low)).clamp(0.0, 1.0)


def read_crops(folder: Path | str) -> list[RatedCrop]:
    """Read a folder of crops, without those rated 3.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: a column is missing, or the files have different numbers of nodules.
    """
    root = Path(folder)
    with (root / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    needed = {"crop", "patient", "malignancy", "equivalent_diameter_mm"}
    if not rows or not needed <= set(rows[0]):
        raise ValueError(f"{root / 'labels.csv'}: needs rows with the columns {sorted(needed)}")
    with np.load(root / "crops.npz") as arrays:
        hu, mask = arrays["hu"], arrays["mask"]
    if not len(rows) == len(hu) == len(mask):
        raise ValueError(f"{root}: {len(rows)} labels, {len(hu)} images, {len(mask)} masks")
    return [
        RatedCrop(
            row["crop"],
            row["patient"],
            _ras(hu[n]),
            _ras(mask[n]).astype(bool),
            float(row["malignancy"]) > UNDECIDED,
            float(row["equivalent_diameter_mm"]),
            ratings={name: float(row[name]) for name in RATINGS if row.get(name)},
        )
        for n, row in enumerate(rows)
        if float(row["malignancy"]) != UNDECIDED
    ]


def _ras(array: NDArray[Any]) -> NDArray[Any]:
    """(I, R, C) of axial slices to (X, Y, Z): right is -C, front is -R, head is I."""
    return np.ascontiguousarray(array.transpose(2, 1, 0)[::-1, ::-1])


def prepared_crops(
    prepared: PreparedStudies, studies: Sequence[Study], spacing_mm: float = 1.0, edge: int = EDGE
) -> list[RatedCrop]:
    """The nodules of prepared studies that have a rating other than 3 and a mask.

    Args:
        prepared: the studies' images and masks.
        studies: the same studies, in the same order.
        spacing_mm: that they were prepared at.
        edge: of the cubes in voxels; a larger nodule is cut.
    """
    crops, bare = [], 0
    for index, study in enumerate(studies):
        rated = [n for n in study.nodules if n.malignancy not in {None, UNDECIDED}]
        if not rated:
            continue
        item = prepared[index]
        for nodule in rated:
            center = lps_to_voxel(nodule.center_lps_mm, item["affine"])
            mask = None
            if "label" in item and nodule.label is not None:
                mask = crop_cube(torch.as_tensor(item["label"]), center, edge, 0)[0] == nodule.label
            if mask is None or not bool(mask.any()):
                bare += 1
                continue
            image = crop_cube(torch.as_tensor(item["image"]), center, edge, AIR_HU)[0]
            crops.append(
                RatedCrop(
                    f"{study.series_uid}/{nodule.label}",
                    nodule.lidc_patient or study.patient_id,
                    image.numpy().astype(np.int16),
                    mask.numpy(),
                    float(nodule.malignancy or 0) > UNDECIDED,
                    nodule.diameter_mm,
                    spacing_mm,
                    nodule.ratings,
                )
            )
    if bare:
        logger.warning("%d rated nodules have no mask and are left out", bare)
    return crops
