"""Sees whether voxel values can be Hounsfield units of a chest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits


def check_hounsfield(hu: NDArray[Any], subject: str | Path) -> None:
    """Refuse values that are on another scale.

    Air is -1000 HU and every chest CT shows some, so a volume without any voxel below -300 is
    something else: a mask, an 8-bit picture, MR, or CT whose rescale was lost. So is one whose
    values are mostly far above those of metal, or that shows nothing but air.

    Args:
        hu: shape (I, R, C).
        subject: file or series for the error.

    Raises:
        NodulusError: the values are not Hounsfield units.
    """
    step = max(1, round((hu.size / 4_000_000) ** (1 / 3)))
    sample = hu[::step, ::step, ::step]
    low, high = (float(value) for value in np.percentile(sample, (0.1, 99.0)))
    lowest = min(low, float(sample.min()))
    top = float(sample.max())
    if lowest < limits.AIR_PRESENT_HU and high < limits.HIGHEST_HU and top > limits.AIR_PRESENT_HU:
        return
    raise NodulusError(
        ErrorCode.NOT_HOUNSFIELD,
        f"The voxel values go from {lowest:g} to {top:g}: those are no Hounsfield units "
        "of a chest.",
        remedy="Give CT in Hounsfield units (air about -1000, water 0).",
        subject=subject,
    )
