"""How much each voxel looks like a thin bright sheet across the third axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

FloatArray = NDArray[np.float32]


def smoothed(
    hu: FloatArray, spacing_mm: tuple[float, float, float], sigmas_mm: tuple[float, float]
) -> FloatArray:
    """Smooth by a Gaussian.

    Args:
        hu: shape (U, V, W).
        spacing_mm: of the axes.
        sigmas_mm: along the first two axes, and along the third.
    """
    for axis, sigma in enumerate((sigmas_mm[0], sigmas_mm[0], sigmas_mm[1])):
        hu = gaussian_filter1d(hu, sigma / spacing_mm[axis], axis=axis, mode="nearest")
    return hu


def sheetness(
    hu: FloatArray, spacing_mm: tuple[float, float, float], half_width_mm: float
) -> FloatArray:
    """Second difference across the sheet, less those along it.

    A sheet is bright across the third axis alone. A vessel that lies in the sheet's plane is as
    bright across one of the other axes, a nodule or a vessel across the plane across both: for
    them the sum is zero or negative. It stands for the fissureness of a Hessian's eigenvalues
    (Doel et al., IEEE ISBI 2012:1491-1494) where the sheet's orientation is known up to some 30
    degrees.

    Args:
        hu: smoothed, shape (U, V, W).
        spacing_mm: of the axes.
        half_width_mm: from the middle of the sheet to where its surroundings are looked at.

    Returns:
        HU, shape of ``hu``; positive for a sheet, 0 at the array's ends.
    """
    along = _second_difference(hu, 0, spacing_mm, half_width_mm)
    along += _second_difference(hu, 1, spacing_mm, half_width_mm)
    return -_second_difference(hu, 2, spacing_mm, half_width_mm) - np.abs(along)


def _second_difference(
    hu: FloatArray, axis: int, spacing_mm: tuple[float, float, float], reach_mm: float
) -> FloatArray:
    reach = max(1, round(reach_mm / spacing_mm[axis]))
    result = np.zeros_like(hu)
    if hu.shape[axis] > 2 * reach:
        moved = np.moveaxis(hu, axis, 0)
        np.moveaxis(result, axis, 0)[reach:-reach] = (
            moved[2 * reach :] + moved[: -2 * reach] - 2 * moved[reach:-reach]
        )
    return result
