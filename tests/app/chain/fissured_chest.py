"""Two boxes of lung with fissures at known places, as a CT and as the lungs found in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT

LUNG_HU, FISSURE_HU, NOISE_HU = -860.0, 120.0, 20.0
HEIGHT_MM, DEPTH_MM = 240.0, 160.0
_STEP_MM, _COARSE = 1.25, 2


def oblique_z(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """Height of the oblique fissures, bent both ways."""
    return 52.0 + 0.9 * (y + DEPTH_MM / 2) + 6.0 * np.sin(y / 30.0) + 4.0 * np.cos(x / 25.0)


def horizontal_z(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """Height of the right horizontal fissure."""
    return 136.0 - 0.1 * y + 3.0 * np.sin(np.abs(x) / 20.0)


def true_lobes(points_lps_mm: NDArray[np.floating]) -> NDArray[np.str_]:
    """The lobe of points of the lungs, shape (n, 3)."""
    x, y, z = points_lps_mm.T
    above = np.where((x < 0) & (z < horizontal_z(x, y)), "middle", "upper")
    return np.where(z < oblique_z(x, y), "lower", above)


def make_chest(
    fissures: bool = True,
    sides: tuple[int, ...] = (RIGHT, LEFT),
    cut_mm: tuple[float, float] = (0, 0),
) -> tuple[CtVolume, LungRegion]:
    """Make the chest; slice 0 is the lowest.

    Args:
        fissures: whether they are seen.
        sides: the lungs that there are.
        cut_mm: of the lungs, below and above, that the scan leaves out.
    """
    low, high = cut_mm[0] or -20.0, (HEIGHT_MM - cut_mm[1]) if cut_mm[1] else HEIGHT_MM + 20.0
    shape = (int((high - low) / _STEP_MM / _COARSE) * _COARSE, 152, 200)
    geometry = _axial(shape, _STEP_MM, (-125.0, -95.0, low))
    x, y, z = _coordinates(geometry)
    hu = np.where(_side(x, y, z, sides) > 0, LUNG_HU, 40.0)
    if fissures:
        oblique = (z - oblique_z(x, y)) / np.hypot(1.0, 0.9)
        hu += _sheet(oblique) + _sheet(z - horizontal_z(x, y)) * ((x < 0) & (oblique > 0))
    hu += np.random.default_rng(3).normal(0.0, NOISE_HU, shape)
    coarse_shape = tuple(n // _COARSE for n in shape)
    shift = (_COARSE - 1) * _STEP_MM / 2
    coarse = _axial(coarse_shape, _STEP_MM * _COARSE, (-125.0 + shift, -95.0 + shift, low + shift))
    label = _side(*_coordinates(coarse), sides)
    lungs = LungRegion(label > 0, label, coarse, (cut_mm[0] > 0, cut_mm[1] > 0))
    return CtVolume(
        np.clip(hu, -1024, 400).astype(np.int16), geometry, "1.2.3", "1.2", "mhd"
    ), lungs


def _axial(
    shape: tuple[int, ...], step_mm: float, origin_lps_mm: tuple[float, float, float]
) -> Geometry:
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[1, 1] = affine[0, 2] = step_mm
    affine[:3, 3] = origin_lps_mm
    affine[3, 3] = 1.0
    return Geometry((shape[0], shape[1], shape[2]), affine)


def _coordinates(geometry: Geometry) -> list[NDArray[np.float32]]:
    i, r, c = np.meshgrid(
        *[np.arange(n, dtype=np.float32) for n in geometry.shape_irc], indexing="ij", sparse=True
    )
    start, step = geometry.affine_lps[:3, 3], geometry.spacing_irc_mm[0]
    return [np.float32(start[0]) + step * c, np.float32(start[1]) + step * r, start[2] + step * i]


def _side(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    z: NDArray[np.floating],
    sides: tuple[int, ...],
) -> NDArray[np.uint8]:
    lung = (np.abs(x) > 10) & (np.abs(x) < 110) & (np.abs(y) < DEPTH_MM / 2)
    lung = lung & (z >= 0) & (z <= HEIGHT_MM)
    label = np.where(x < 0, RIGHT, LEFT)
    return np.where(lung & np.isin(label, sides), label, 0).astype(np.uint8)


def _sheet(distance_mm: NDArray[np.floating]) -> NDArray[np.floating]:
    return FISSURE_HU * np.exp(-((distance_mm / 0.9) ** 2))
