"""Where the slices lie: patient position, planes, tilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, decimals, new_series, write

AIR_HU = -1024
Vector = NDArray[np.float64]


@variant("feet-first")
def _feet_first(source: Source, folder: Path) -> None:
    first = source.positions + _along(source, 0.0, source.hu.shape[2] - 1)
    images = new_series(
        source,
        "",
        source.hu[::-1, :, ::-1],
        first[::-1],
        orientation=(-1, 0, 0, 0, 1, 0),
    )
    for image in images:
        image.PatientPosition = "FFS"
    write(images, folder)


@variant("prone")
def _prone(source: Source, folder: Path) -> None:
    first = source.positions + _along(source, source.hu.shape[1] - 1, source.hu.shape[2] - 1)
    images = new_series(
        source, "", source.hu[:, ::-1, ::-1], first, orientation=(-1, 0, 0, 0, -1, 0)
    )
    for image in images:
        image.PatientPosition = "HFP"
    write(images, folder)


@variant("coronal-reformat")
def _coronal(source: Source, folder: Path) -> None:
    rows_mm, columns_mm = source.spacing_rc_mm
    hu = source.hu[::-1].transpose(1, 0, 2)
    first = source.positions[-1] + np.outer(np.arange(len(hu)), (0.0, rows_mm, 0.0))
    _write_reformat(source, folder, hu, first, (1, 0, 0, 0, 0, -1), columns_mm)


@variant("sagittal-reformat")
def _sagittal(source: Source, folder: Path) -> None:
    rows_mm, columns_mm = source.spacing_rc_mm
    hu = source.hu[::-1].transpose(2, 0, 1)
    first = source.positions[-1] + np.outer(np.arange(len(hu)), (columns_mm, 0.0, 0.0))
    _write_reformat(source, folder, hu, first, (0, 1, 0, 0, 0, -1), rows_mm)


def _write_reformat(
    source: Source,
    folder: Path,
    hu: NDArray[np.int32],
    first: Vector,
    orientation: tuple[float, ...],
    columns_mm: float,
) -> None:
    images = new_series(
        source, "", hu, first, orientation=orientation, spacing_rc_mm=(source.step_mm, columns_mm)
    )
    for image in images:
        image.ImageType = ["DERIVED", "SECONDARY", "REFORMATTED"]
        image.SliceThickness = f"{np.linalg.norm(first[1] - first[0]):g}"
    write(images, folder)


@variant("oblique-rows")
def _oblique(source: Source, folder: Path) -> None:
    """Planes turned by 10 degrees about the body axis and by 6 about the left-right axis."""
    a, b = np.radians(10.0), np.radians(6.0)
    row = np.array([np.cos(a), np.sin(a), 0.0])
    column = np.array([-np.sin(a) * np.cos(b), np.cos(a) * np.cos(b), np.sin(b)])
    normal = np.cross(row, column)
    middle = source.positions.mean(axis=0) + _along(source, *(np.array(source.hu.shape[1:]) / 2))
    reach = source.step_mm * len(source.images) / 2
    heights = np.arange(-reach, reach, source.step_mm)
    rows_mm, columns_mm = source.spacing_rc_mm
    corner = middle - row * columns_mm * source.hu.shape[2] / 2
    corner -= column * rows_mm * source.hu.shape[1] / 2
    first = corner + np.outer(heights, normal)
    hu = _planes(source, first, row, column)
    write(new_series(source, "", hu, first, orientation=[*row, *column]), folder)


@variant("tilted-gantry")
def _tilted(source: Source, folder: Path) -> None:
    """Planes that lean by 15 degrees while the table moves along the body axis."""
    angle = np.radians(15.0)
    row = np.array([1.0, 0.0, 0.0])
    column = np.array([0.0, np.cos(angle), np.sin(angle)])
    # Leaning about their middle row, the planes keep to the part of the body that was scanned.
    half_mm = source.spacing_rc_mm[0] * source.hu.shape[1] / 2
    first = source.positions + half_mm * (np.array([0.0, 1.0, 0.0]) - column)
    hu = _planes(source, first, row, column)
    write(new_series(source, "", hu, first, orientation=[*row, *column]), folder)


def _planes(source: Source, first: Vector, row: Vector, column: Vector) -> NDArray[np.float32]:
    """The source, interpolated linearly on other planes of the same matrix; air outside."""
    rows_mm, columns_mm = source.spacing_rc_mm
    r, c = np.meshgrid(*map(np.arange, source.hu.shape[1:]), indexing="ij")
    in_plane = r[..., None] * column * rows_mm + c[..., None] * row * columns_mm
    hu = source.hu.astype(np.float32)
    planes = []
    for corner in first:
        x, y, z = np.moveaxis(corner + in_plane - source.positions[0], -1, 0)
        index = (z / source.step_mm, y / rows_mm, x / columns_mm)
        planes.append(map_coordinates(hu, index, order=1, cval=AIR_HU))
    return np.stack(planes)


@variant("orientation-wobbles")
def _wobble(source: Source, folder: Path) -> None:
    """Every third slice turned by 0.23 degrees about its own middle."""
    images = source.copies()
    rows_mm, columns_mm = source.spacing_rc_mm
    across = np.array([(source.hu.shape[2] - 1) * columns_mm, (source.hu.shape[1] - 1) * rows_mm])
    for k, image in enumerate(images):
        angle = np.radians(0.23) * (k % 3 == 0)
        row = np.array([np.cos(angle), np.sin(angle), 0.0])
        column = np.array([-np.sin(angle), np.cos(angle), 0.0])
        middle = source.positions[k] + np.array([*across / 2, 0.0])
        corner = middle - row * across[0] / 2 - column * across[1] / 2
        image.ImageOrientationPatient = decimals([*row, *column])
        image.ImagePositionPatient = decimals(corner)
    write(images, folder)


def _along(source: Source, rows: float, columns: float) -> Vector:
    """From the first pixel to another one, mm."""
    rows_mm, columns_mm = source.spacing_rc_mm
    return np.array([columns * columns_mm, rows * rows_mm, 0.0])
