"""A volume, or the lungs' box of it, in RAS order at an isotropic spacing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.resampling import resample_to_spacing


@dataclass(frozen=True, eq=False)
class NetworkVolume:
    """HU on the networks' grid.

    Args:
        hu: float32, shape (1, X, Y, Z); axes run to the right, front and head as nearly as the
            volume's own axes allow (MONAI's RAS orientation).
        affine_ras: 4x4, its index to RAS mm.
    """

    hu: torch.Tensor
    affine_ras: NDArray[np.float64]

    @property
    def geometry(self) -> Geometry:
        """The grid as a Geometry whose array axes are (X, Y, Z)."""
        x, y, z = (int(n) for n in self.hu.shape[1:])
        return Geometry((x, y, z), LPS_TO_RAS @ self.affine_ras)


def to_network_space(
    volume: CtVolume, lungs: LungRegion | None, margin_mm: float, spacing_mm: float
) -> NetworkVolume:
    """Crop to the lungs, turn to RAS order, resample.

    Args:
        volume: any orientation.
        lungs: of that volume; None to take all of it.
        margin_mm: kept around the lungs' box where the volume has it.
        spacing_mm: isotropic spacing of the networks.
    """
    hu_irc: NDArray[Any] = volume.hu
    geometry = volume.geometry
    if lungs is not None:
        box = lungs.box(geometry, margin_mm)
        geometry = geometry.cropped([s.start for s in box], [s.stop - s.start for s in box])
        hu_irc = hu_irc[box]
    if min(hu_irc.strides) <= 0:  # which torch does not take
        hu_irc = np.ascontiguousarray(hu_irc)
    array = torch.from_numpy(hu_irc)[None]
    array, affine = to_ras_order(array, geometry.affine_ras)
    hu, affine = resample_to_spacing(array, affine, spacing_mm)
    return NetworkVolume(hu, affine)


def to_ras_order(
    array: torch.Tensor, affine_ras: NDArray[np.float64]
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Permute and flip axes so that they run nearest to R, A and S, as MONAI's Orientation does.

    Args:
        array: shape (channels, three spatial axes).
        affine_ras: 4x4, index to RAS mm.
    """
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

    turn = ornt_transform(io_orientation(affine_ras), axcodes2ornt("RAS"))
    moved = affine_ras @ inv_ornt_aff(turn, array.shape[1:])
    order = np.argsort(turn[:, 0]).astype(int)
    flipped = [int(axis) + 1 for axis in range(3) if turn[axis, 1] < 0]
    turned = torch.flip(array, flipped) if flipped else array
    return turned.permute(0, *(int(a) + 1 for a in order)), moved
