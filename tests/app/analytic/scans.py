"""The analytic chest as DICOM, scanned in every geometry that is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.app.reading.dicom_factory import write_multiframe, write_series

from .chest_model import BODY, HIGH_Z, LOW_Z, hounsfield

Floats = NDArray[np.float64]
CENTER = np.array([BODY.center[0], BODY.center[1], (LOW_Z + HIGH_Z) / 2])
SIZE = np.array([2 * BODY.radii[0] + 12, 2 * BODY.radii[1] + 12, HIGH_Z - LOW_Z])
_C, _S = float(np.cos(np.deg2rad(14.0))), float(np.sin(np.deg2rad(14.0)))


@dataclass(frozen=True)
class Scan:
    """How the chest is scanned.

    Args:
        orientation: ImageOrientationPatient.
        spacing_mm: PixelSpacing, between rows first.
        step_mm: between slices along the normal; below 0 the first file is the last slice.
        lean: a tilted gantry: what is added to the step, per mm of it, LPS.
        write: instead of one file a slice.
        options: of what writes it.
        ends_z: what is scanned of the body's height.
    """

    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0)
    spacing_mm: tuple[float, float] = (1.5, 1.5)
    step_mm: float = 2.0
    lean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    multiframe: bool = False
    missing: tuple[int, ...] = ()
    ends_z: tuple[float, float] = (LOW_Z, HIGH_Z)
    edit: Callable[[Any, int], None] | None = None

    @property
    def affine(self) -> tuple[Floats, tuple[int, int, int]]:
        """From (slice, row, column) to LPS mm, and the shape."""
        row, column = np.asarray(self.orientation, float).reshape(2, 3)
        normal = np.cross(row, column)
        size, center = SIZE.copy(), CENTER.copy()
        size[2] = self.ends_z[1] - self.ends_z[0]
        center[2] = sum(self.ends_z) / 2
        corners = np.array(np.meshgrid(*[(-n / 2, n / 2) for n in size])).reshape(3, -1).T
        steps = (self.step_mm, *self.spacing_mm)
        axes = (normal + np.asarray(self.lean), column, row)
        extents = [np.ptp(corners @ axis) for axis in (normal, column, row)]
        shape = tuple(int(e / abs(s)) + 1 for e, s in zip(extents, steps, strict=True))
        affine = np.eye(4)
        affine[:3, :3] = np.stack([a * s for a, s in zip(axes, steps, strict=True)], axis=1)
        affine[:3, 3] = center - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
        return affine, shape  # type: ignore[return-value]

    def hu(self) -> NDArray[np.int16]:
        return hounsfield(*self.affine)

    def write(self, folder: Path) -> None:
        affine, shape = self.affine
        hu = self.hu()
        common: dict[str, Any] = {
            "spacing_mm": self.spacing_mm,
            "first_lps_mm": affine[:3, 3],
            "orientation": self.orientation,
            "edit": self.edit,
        }
        if self.multiframe:
            write_multiframe(folder / "ct.dcm", hu, step_mm=self.step_mm, shuffle=5, **common)
        else:
            keep = [k for k in range(shape[0]) if k not in self.missing]
            write_series(folder, hu, step_mm=affine[:3, 0], keep=keep, shuffle=3, **common)


SCANS: dict[str, Scan] = {
    "head first": Scan(),
    "feet first, from the head": Scan((-1, 0, 0, 0, 1, 0), (1.7, 1.2), 2.2),
    "prone, slices reversed": Scan((-1, 0, 0, 0, -1, 0), (1.3, 1.8), -2.0),
    "on the side": Scan((0, 1, 0, -1, 0, 0), (1.6, 1.3), 2.3),
    "turned in the plane": Scan((_C, _S, 0, -_S, _C, 0), (1.5, 1.4), 2.0),
    "oblique slices": Scan((_C, 0, -_S, 0, 1, 0), (1.5, 1.5), 2.1),
    "tilted gantry": Scan((1, 0, 0, 0, _C, _S), (1.5, 1.5), 2.0, lean=(0, _S / _C * _C, 0.0)),
    "coronal": Scan((1, 0, 0, 0, 0, -1), (2.0, 1.6), 1.8),
    "sagittal": Scan((0, 1, 0, 0, 0, -1), (2.0, 1.6), 1.8),
    "multi-frame": Scan((1, 0, 0, 0, 1, 0), (1.6, 1.4), 2.2, multiframe=True),
}

PARTS: dict[str, Scan] = {
    "cut below": Scan((1, 0, 0, 0, 1, 0), (1.6, 1.6), 2.2, ends_z=(-28.0, HIGH_Z)),
    "cut above": Scan((-1, 0, 0, 0, -1, 0), (1.6, 1.6), -2.2, ends_z=(LOW_Z, 30.0)),
    "slices missing": Scan((1, 0, 0, 0, 1, 0), (1.6, 1.6), 2.2, missing=(40, 66, 67)),
}
"""Scans of a part, and one of which files are missing."""
