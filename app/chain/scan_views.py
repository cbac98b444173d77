"""A volume as detectors and classifiers see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.native_space import NativeVolume, to_native_space
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.network_space import NetworkVolume, to_network_space
from nodulus.transforms.resampling import resample_to_spacing


class ScanViews:
    """One CT, where to look in it, and its views, each made when it is first wanted.

    Args:
        volume: as it was read.
        search_region: the region that detectors look in; None for everywhere.
        margin_mm: kept around the region's box where the volume has it.
    """

    def __init__(
        self, volume: CtVolume, search_region: LungRegion | None, margin_mm: float
    ) -> None:
        self.volume = volume
        self.search_region = search_region
        self.margin_mm = margin_mm
        self._isotropic: dict[float, NetworkVolume] = {}
        self._crop_spacings: dict[tuple[float, ...], float] = {}
        self._native: NativeVolume | None = None

    def isotropic(self, spacing_mm: float) -> NetworkVolume:
        """The region's box in RAS order, resampled to an isotropic spacing."""
        if spacing_mm not in self._isotropic:
            self._isotropic[spacing_mm] = to_network_space(
                self.volume.hu, self.volume.geometry, self.search_region, spacing_mm, self.margin_mm
            )
        return self._isotropic[spacing_mm]

    def coarse(self, spacing_mm: float, finer_mm: float) -> NetworkVolume:
        """A view of a large spacing, made from a finer one, which takes less than from the scan."""
        if spacing_mm not in self._isotropic:
            finer = self.isotropic(finer_mm)
            self._isotropic[spacing_mm] = NetworkVolume(
                *resample_to_spacing(finer.hu, finer.affine_ras, spacing_mm)
            )
        return self._isotropic[spacing_mm]

    def set_crop_spacing(self, point_lps_mm: Sequence[float], spacing_mm: float) -> None:
        """Have classifiers see a point in crops of another spacing than their own."""
        self._crop_spacings[tuple(point_lps_mm)] = spacing_mm

    def crop_spacing_mm(self, point_lps_mm: Sequence[float], own_mm: float) -> float:
        """The spacing of the crop that a classifier of isotropic voxels sees of a point."""
        return self._crop_spacings.get(tuple(point_lps_mm), own_mm)

    def native(self) -> NativeVolume:
        """The whole volume on its own grid, slices from the feet to the head."""
        if self._native is None:
            self._native = to_native_space(self.volume)
        return self._native

    def region_on(self, grid: Geometry) -> NDArray[np.bool_]:
        """Where to look, on a grid over the volume's axes; shape ``grid.shape_irc``."""
        if self.search_region is None:
            return np.ones(grid.shape_irc, bool)
        return self.search_region.on(grid)
