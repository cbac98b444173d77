"""Which way an array's axes run in the patient, and turning them another way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AxisTurn:
    """How to turn an array: flip first, then permute.

    Args:
        flipped: the array's axes that run the other way.
        order: for each axis of the result, the array's axis.
        affine_ras: 4x4, index of the result to RAS mm.
    """

    flipped: tuple[int, ...]
    order: tuple[int, int, int]
    affine_ras: NDArray[np.float64]


def turn_to(axcodes: str, affine_ras: NDArray[np.float64], shape: tuple[int, int, int]) -> AxisTurn:
    """How to turn an array so that its axes run nearest to three directions.

    Args:
        axcodes: the wanted directions, such as ``RAS``: right, anterior, superior (as MONAI's
            ``Orientation`` and nibabel have them).
        affine_ras: 4x4, index of the array to RAS mm.
        shape: of the array.
    """
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

    turn = ornt_transform(io_orientation(affine_ras), axcodes2ornt(axcodes))
    a, b, c = (int(axis) for axis in np.argsort(turn[:, 0]))
    flipped = tuple(axis for axis in range(3) if turn[axis, 1] < 0)
    return AxisTurn(flipped, (a, b, c), affine_ras @ inv_ornt_aff(turn, shape))
