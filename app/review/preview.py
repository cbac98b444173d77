"""A small version of a CT, for the first picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.results.nifti import encode_nifti
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry

_PREVIEW_MM = 4.0
_HU_RANGE = (-32768, 32767)


def encode_preview(volume: CtVolume) -> bytes:
    """Give the bytes of a ``.nii.gz`` file with voxels of about 4 mm, int16 HU."""
    return encode_nifti(*preview(volume.hu, volume.geometry))


def preview(hu: NDArray[Any], geometry: Geometry) -> tuple[NDArray[np.int16], Geometry]:
    """Give means of blocks of about 4 mm; what is left over at the far ends is left out.

    Args:
        hu: shape (I, R, C).
        geometry: of ``hu``.
    """
    steps = [
        min(max(1, round(_PREVIEW_MM / mm)), n)
        for mm, n in zip(geometry.spacing_irc_mm, hu.shape, strict=True)
    ]
    count = [n // step for n, step in zip(hu.shape, steps, strict=True)]
    sums = hu[tuple(slice(0, n * step) for n, step in zip(count, steps, strict=True))]
    exact = np.int32 if hu.dtype == np.int16 else np.float32
    for axis in (2, 1, 0):  # lines of memory first: the rest is small then
        total = np.zeros([*sums.shape[:axis], count[axis], *sums.shape[axis + 1 :]], exact)
        for first in range(steps[axis]):
            own: list[slice] = [slice(None)] * 3
            own[axis] = slice(first, None, steps[axis])
            total += sums[tuple(own)]
        sums = total
    means = sums / np.float32(np.prod(steps))
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.index_to_lps([(step - 1) / 2 for step in steps])
    affine[:3, :3] *= steps
    return int16_hu(means), Geometry((count[0], count[1], count[2]), affine)


def int16_hu(hu: NDArray[Any]) -> NDArray[np.int16]:
    """Give HU as int16, rounded where they are fractions."""
    if hu.dtype == np.int16:
        return hu
    return np.asarray(np.clip(np.rint(hu), *_HU_RANGE), np.int16)
