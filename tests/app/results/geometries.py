"""Series of every orientation, and one whose volume has interpolated slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry

from .synthetic import SHAPE, SPACING_MM, two_labels, write_multiframe, write_series

_STEP = SPACING_MM[0]
_TILT = np.deg2rad(20.0)
_COS, _SIN = float(np.cos(_TILT)), float(np.sin(_TILT))

# Row and column direction, and the step to the next slice, along the normal.
ORIENTATIONS: dict[str, tuple[tuple[float, ...], tuple[float, float, float]]] = {
    "axial": ((1, 0, 0, 0, 1, 0), (0, 0, _STEP)),
    "feet-first": ((-1, 0, 0, 0, 1, 0), (0, 0, -_STEP)),
    "prone": ((-1, 0, 0, 0, -1, 0), (0, 0, _STEP)),
    "sagittal": ((0, 1, 0, 0, 0, -1), (-_STEP, 0, 0)),
    "coronal": ((1, 0, 0, 0, 0, -1), (0, _STEP, 0)),
    "oblique": ((_COS, _SIN, 0, -_SIN, _COS, 0), (0, 0, _STEP)),
    "oblique slices": ((1, 0, 0, 0, _COS, _SIN), (0, -_SIN * _STEP, _COS * _STEP)),
}
GEOMETRIES = (*ORIENTATIONS, "multi-frame", "interpolated slices")


def make(name: str, folder: Path) -> tuple[CtVolume, np.ndarray, np.ndarray]:
    """A volume, its labels, and the labels on its source's images in the volume's order."""
    if name == "multi-frame":
        return write_multiframe(folder), two_labels(), two_labels()
    if name == "interpolated slices":
        return with_a_gap(write_series(folder), two_labels())
    orientation, step = ORIENTATIONS[name]
    volume = write_series(folder, orientation=orientation, step_lps_mm=step)
    return volume, two_labels(), two_labels()


def with_a_gap(
    volume: CtVolume, labels: np.ndarray, gap: slice = slice(9, 11)
) -> tuple[CtVolume, np.ndarray, np.ndarray]:
    """As if the files of a few slices were missing and the reader had filled them in."""
    kept = [n for n in range(SHAPE[0]) if n not in range(gap.start, gap.stop)]
    images = tuple(volume.source_images[n] for n in kept)
    for number in range(gap.start, gap.stop):
        volume.source_images[number].path.unlink()
    mended = replace(volume, source_images=images, is_source_grid=False)
    return mended, labels, labels[kept]


def label_points(geometry: Geometry, labels: np.ndarray, number: int) -> np.ndarray:
    """LPS points, mm, of one label's voxels; shape (n, 3)."""
    return np.asarray(geometry.index_to_lps(np.argwhere(labels == number)))
