"""The volume on the scanner's own grid, its axes in one order whatever the scan's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.orientation import turn_to


@dataclass(frozen=True, eq=False)
class NativeVolume:
    """HU as they were scanned, a view of the volume.

    Args:
        hu: shape (I, R, C): slices from the feet to the head, rows from the front to the back,
            columns from the patient's right to the left, as nearly as the volume's own axes allow;
            an axial CT of a patient on the back has them so already.
        geometry: of ``hu``.
    """

    hu: NDArray[np.int16] | NDArray[np.float32]
    geometry: Geometry


def to_native_space(volume: CtVolume) -> NativeVolume:
    """Permute and flip a volume's axes; nothing is resampled or copied.

    Args:
        volume: any orientation.
    """
    turn = turn_to("SPL", volume.geometry.affine_ras, volume.geometry.shape_irc)  # head, back, left
    hu = np.flip(volume.hu, turn.flipped).transpose(turn.order)
    i, r, c = hu.shape
    return NativeVolume(hu, Geometry((i, r, c), LPS_TO_RAS @ turn.affine_ras))
