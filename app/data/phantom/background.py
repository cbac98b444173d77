"""A real CT as background: read, with its lungs and what to keep away from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.reading import load_volume
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.lungs import closed_lung_mask
from nodulus.transforms.orientation import turn_to

_AXES = "SPL"
"""Slices from the feet up, rows to the back, columns to the left."""

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
    """Read a chest CT as the application does, turned so that rows run to the back of the patient.

    Args:
        path: a DICOM folder, or an image file that `load_volume` reads.
        avoid: spheres (centre LPS mm, radius mm) that hold real findings.

    Raises:
        NodulusError: there is no CT volume, or more than one.
        ValueError: it has no lungs.
    """
    volume = load_volume(path)
    turn = turn_to(_AXES, volume.geometry.affine_ras, volume.geometry.shape_irc)
    turned = np.flip(volume.hu, turn.flipped).transpose(turn.order)
    hu = np.ascontiguousarray(np.clip(turned, -2000, 4000), dtype=np.int16)
    shape = hu.shape[0], hu.shape[1], hu.shape[2]
    geometry = Geometry(shape, LPS_TO_RAS @ turn.affine_ras)
    lungs = closed_lung_mask(hu, geometry)
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
