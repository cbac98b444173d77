"""A chest of ellipses."""

from __future__ import annotations

import numpy as np

from nodulus.transforms.geometry import Geometry

SPACING = 2.5


def chest(
    *, cut_left_wall: bool = False, gas: bool = False, table: bool = True, flip_z: bool = False
) -> tuple[np.ndarray, Geometry, dict[str, np.ndarray]]:
    """A body of ellipses with two lungs, 2.5 mm voxels, axes (z, y, x)."""
    z, y, x = np.meshgrid(np.arange(100), np.arange(130), np.arange(160), indexing="ij")
    hu = np.full(z.shape, -1000.0)
    body = ((x - 80) / 68) ** 2 + ((y - 60) / 48) ** 2 <= 1
    hu[body] = 40
    lungs = np.zeros(z.shape, bool)
    for center in (50, 110):
        lungs |= ((x - center) / 22) ** 2 + ((y - 60) / 32) ** 2 + ((z - 50) / 40) ** 2 <= 1
    hu[lungs] = -850
    parts = {"lungs": lungs.copy()}
    nodule = (x - 29) ** 2 + (y - 60) ** 2 + (z - 50) ** 2 <= 5**2  # 25 mm, on the pleura
    hu[nodule & lungs] = 30
    parts["nodule"] = nodule & lungs
    if gas:
        stomach = ((x - 110) / 14) ** 2 + ((y - 50) / 14) ** 2 + ((z - 4) / 4) ** 2 <= 1
        hu[stomach] = -1000
        parts["gas"] = stomach
    if table:
        hu[:, 112:124, 20:140] = -900  # foam
        hu[:, 110:112, 20:140] = 100
        hu[:, 124:126, 20:140] = 100
    hu += np.random.default_rng(0).normal(0, 15, hu.shape)
    affine = np.zeros((4, 4))
    affine[0, 2] = affine[1, 1] = SPACING
    affine[2, 0] = SPACING
    affine[3, 3] = 1
    affine[:3, 3] = (-200, -150, -120)
    geometry = Geometry(hu.shape, affine)
    if cut_left_wall:
        keep = slice(35, 160)  # the field of view cuts through the lung at low x
        hu, geometry = hu[:, :, keep], geometry.cropped((0, 0, 35), (100, 130, 125))
        parts = {k: v[:, :, keep] for k, v in parts.items()}
    if flip_z:
        moved = geometry.affine_lps.copy()
        moved[:3, 3] = geometry.index_to_lps((99, 0, 0))
        moved[:3, 0] *= -1
        hu, geometry = hu[::-1], Geometry(geometry.shape_irc, moved)
        parts = {k: v[::-1] for k, v in parts.items()}
    return hu.astype(np.int16), geometry, parts
