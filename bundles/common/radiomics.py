"""A few radiomics features of a nodule: what a radiologist could name, and no more.

Definitions follow the Image Biomarker Standardisation Initiative (IBSI) where it has one
(Zwanenburg et al., Radiology 295:328-338, 2020, doi:10.1148/radiol.2020191145); its identifiers
stand in :data:`IBSI`. First order features are of the HU as they are, without discretisation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes, mesh_surface_area

from transforms.geometry import Geometry
from transforms.measurements import axial_diameters
from transforms.texture_class import TextureRule, composition

Floats = NDArray[np.float64]

SHELL_MM = (1.0, 4.0)
"""Distances from the mask between which its surroundings are measured: beyond partial volume."""

IBSI = {
    "mean_hu": "Q4LE",
    "sd_hu": "ECT3",  # the root of the variance
    "skewness": "KE2A",
    "p10_hu": "QG58",
    "p90_hu": "8DWT",
    "log_volume": "RNU0",  # the logarithm of the mesh's volume
    "log_surface": "C0JK",  # the logarithm of the mesh's area
    "sphericity": "QCFX",
    "maximum_3d_diameter_mm": "L0JK",
    "elongation": "Q3CK",
    "flatness": "N17B",
}
"""IBSI's identifier of each feature that it defines."""

FEATURES = (
    *IBSI,
    "longest_diameter_mm",
    "perpendicular_diameter_mm",
    "solid_share",
    "shell_mean_hu",
    "shell_sd_hu",
)
"""All of them, in the order of a row; the diameters beside IBSI's are the axial ones."""


def radiomics(
    hu: NDArray[Any], mask: NDArray[np.bool_], geometry: Geometry, rule: TextureRule
) -> dict[str, float]:
    """Measure one nodule.

    Args:
        hu: shape (I, R, C); a box around the nodule with room for the shell.
        mask: bool, same shape, at least one voxel.
        geometry: of that box; its axes may run in any direction.
        rule: of the share of solid voxels.

    Returns:
        A value for each of :data:`FEATURES`.

    Raises:
        ValueError: the mask is empty or shapes differ.
    """
    made_of = composition(hu, mask, geometry, rule)
    diameters = axial_diameters(mask, geometry)
    found = {
        **_first_order(hu[mask].astype(np.float64)),
        **_mesh(mask, geometry),
        **_axes(geometry.index_to_lps(np.argwhere(mask))),
        "longest_diameter_mm": diameters.longest_mm,
        "perpendicular_diameter_mm": diameters.perpendicular_mm,
        "solid_share": made_of.solid_share,
        **_shell(hu, mask, geometry),
    }
    return {name: found[name] for name in FEATURES}


def _first_order(values: Floats) -> dict[str, float]:
    sd = float(values.std())
    low, high = np.percentile(values, [10, 90])
    return {
        "mean_hu": float(values.mean()),
        "sd_hu": sd,
        # IBSI: 0 where all values are the same
        "skewness": float(((values - values.mean()) ** 3).mean() / sd**3) if sd > 0 else 0.0,
        "p10_hu": float(low),
        "p90_hu": float(high),
    }


def _mesh(mask: NDArray[np.bool_], geometry: Geometry) -> dict[str, float]:
    """Of the surface half-way between the voxels inside and outside, as IBSI has it."""
    corners, faces, _, _ = marching_cubes(
        np.pad(mask, 1).astype(np.float32), 0.5, spacing=geometry.spacing_irc_mm
    )
    a, b, c = (corners[faces[:, n]].astype(np.float64) for n in range(3))
    volume = abs(float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum())) / 6.0
    area = float(mesh_surface_area(corners, faces))
    return {
        "log_volume": float(np.log(volume)),
        "log_surface": float(np.log(area)),
        "sphericity": float((36.0 * np.pi * volume**2) ** (1.0 / 3.0) / area),
        "maximum_3d_diameter_mm": float(pdist(corners[ConvexHull(corners).vertices]).max()),
    }


def _axes(points_mm: Floats) -> dict[str, float]:
    """Ratios of the axes of the ellipsoid with the same second moments; 1 for a sphere.

    One voxel, or a line or plane of them, has no extent along some axes: the ratio is then 0, but
    1 where there is no extent at all.
    """
    centred = points_mm - points_mm.mean(axis=0)
    least, minor, major = np.clip(np.linalg.eigvalsh(centred.T @ centred / len(centred)), 0, None)
    if major <= 0:
        return {"elongation": 1.0, "flatness": 1.0}
    return {
        "elongation": float(np.sqrt(minor / major)),
        "flatness": float(np.sqrt(least / major)),
    }


def _shell(hu: NDArray[Any], mask: NDArray[np.bool_], geometry: Geometry) -> dict[str, float]:
    distance = distance_transform_edt(~mask, sampling=geometry.spacing_irc_mm)
    values = hu[(distance > SHELL_MM[0]) & (distance <= SHELL_MM[1])].astype(np.float64)
    if values.size == 0:
        raise ValueError("the box has no room for the shell around the mask")
    return {"shell_mean_hu": float(values.mean()), "shell_sd_hu": float(values.std())}
