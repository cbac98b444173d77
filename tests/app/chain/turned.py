"""The same patient, scanned another way."""

from __future__ import annotations

import numpy as np

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry


def turned(volume: CtVolume, axes: tuple[int, int, int], flips: tuple[int, ...]) -> CtVolume:
    """The same patient with the array's axes in another order and direction."""
    affine = volume.geometry.affine_lps.copy()
    affine[:3, :3] = affine[:3, axes]
    hu = volume.hu.transpose(axes)
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (hu.shape[axis] - 1)
        affine[:3, axis] *= -1
    hu = np.ascontiguousarray(np.flip(hu, flips))
    return CtVolume(hu, Geometry(hu.shape, affine), "1.2.3", "1.2", "mhd")
