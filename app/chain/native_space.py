"""The volume on the scanner's own grid, its axes in one order whatever the scan's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry


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
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

    geometry = volume.geometry
    # nibabel counts in RAS: head, back, left is S, P, L.
    turn = ornt_transform(io_orientation(geometry.affine_ras), axcodes2ornt("SPL"))
    affine_lps = LPS_TO_RAS @ geometry.affine_ras @ inv_ornt_aff(turn, volume.hu.shape)
    flipped = tuple(axis for axis in range(3) if turn[axis, 1] < 0)
    order = np.argsort(turn[:, 0]).astype(int)
    hu = np.flip(volume.hu, flipped).transpose(order)
    i, r, c = hu.shape
    return NativeVolume(hu, Geometry((i, r, c), affine_lps))
