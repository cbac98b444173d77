"""The rows of the training data's CSV files, typed.

Formats: LUNA16's ``annotations.csv`` (seriesuid,coordX,coordY,coordZ,diameter_mm; so is
``excluded.csv``) and ``candidates_V2.csv`` (seriesuid,coordX,coordY,coordZ,class), ``nodules.csv``
of phantoms and training caches, and ``candidates_segmentation.csv``, the segmentation bundle's
own candidates.
All coordinates are patient LPS millimetres.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Nodule:
    """One annotated nodule.

    Args:
        series_uid: series it lies in.
        center_lps_mm: its centre.
        diameter_mm: diameter of LUNA16's sphere.
        label: its value in the mask, None where there is no mask.
        malignancy: median of the readers' ratings, 1 to 5, None where unknown.
        lidc_patient: LIDC-IDRI patient whose contours gave its shape, None where it is none.
        readers: how many readers outlined it, None where unknown.
        ratings: median of the readers' other ratings, by name (see
            :class:`nodulus.bundles.common.lidc.shapes.Ratings`).
        spread: how far the readers are apart in each rating, malignancy among them.
        lidc_nodule: its name in LIDC-IDRI, such as ``LIDC-IDRI-0003/2``.
    """

    series_uid: str
    center_lps_mm: Point
    diameter_mm: float
    label: int | None = None
    malignancy: float | None = None
    lidc_patient: str | None = None
    readers: int | None = None
    ratings: Mapping[str, float] = field(default_factory=dict, hash=False)
    spread: Mapping[str, float] = field(default_factory=dict, hash=False)
    lidc_nodule: str | None = None


@dataclass(frozen=True, slots=True)
class ExcludedFinding:
    """One place that LUNA16 leaves out of account: neither nodule nor background.

    Args:
        series_uid: series it lies in.
        center_lps_mm: its centre.
        diameter_mm: its diameter, None where unknown (-1 in ``annotations_excluded.csv``).
    """

    series_uid: str
    center_lps_mm: Point
    diameter_mm: float | None = None


@dataclass(frozen=True, slots=True)
class LabelledCandidate:
    """One place that may hold a nodule.

    Args:
        series_uid: series it lies in.
        center_lps_mm: its centre.
        is_nodule: the truth.
        probability: of the segmentation that proposed it, None for LUNA16's candidates.
    """

    series_uid: str
    center_lps_mm: Point
    is_nodule: bool
    probability: float | None = None


def _rows(path: Path, required: tuple[str, ...]) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in required if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path}: columns {missing} are missing")
        yield from reader


def _number(path: Path, row: dict[str, str], column: str) -> float:
    try:
        return float(row[column])
    except ValueError as error:
        raise ValueError(f"{path}: {row[column]!r} in column {column} is not a number") from error


def _optional(path: Path, row: dict[str, str], column: str) -> float | None:
    return _number(path, row, column) if row.get(column) else None


def _whole(path: Path, row: dict[str, str], column: str) -> int | None:
    return int(_number(path, row, column)) if row.get(column) else None


def _point(path: Path, row: dict[str, str], columns: tuple[str, str, str]) -> Point:
    x, y, z = (_number(path, row, column) for column in columns)
    return x, y, z


COORDINATES = ("coordX", "coordY", "coordZ")
CENTER = ("center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm")


RATINGS = (
    "subtlety", "internal_structure", "calcification", "sphericity", "margin", "lobulation",
    "spiculation", "texture",
)  # fmt: skip
"""The readers' ratings beside malignancy, as columns of ``nodules.csv``."""

SPREADS = {name: f"{name}_spread" for name in ("malignancy", *RATINGS)}
"""The columns that say how far the readers are apart."""


def read_annotations(path: Path) -> list[Nodule]:
    """Read LUNA16's ``annotations.csv``; more columns may be there, as in ``nodules.csv``."""
    rows = _rows(path, ("seriesuid", *COORDINATES, "diameter_mm"))
    return [_nodule(path, row, row["seriesuid"], COORDINATES) for row in rows]


def read_nodules(path: Path) -> list[Nodule]:
    """Read a ``nodules.csv``, which knows more of each nodule than LUNA16's file."""
    rows = _rows(path, ("series_uid", *CENTER, "diameter_mm"))
    return [_nodule(path, row, row["series_uid"], CENTER) for row in rows]


def _nodule(
    path: Path, row: dict[str, str], series_uid: str, center: tuple[str, str, str]
) -> Nodule:
    return Nodule(
        series_uid,
        _point(path, row, center),
        _number(path, row, "diameter_mm"),
        label=_whole(path, row, "label"),
        malignancy=_optional(path, row, "malignancy"),
        lidc_patient=row.get("lidc_patient") or None,
        readers=_whole(path, row, "readers"),
        ratings={n: _number(path, row, n) for n in RATINGS if row.get(n)},
        spread={n: _number(path, row, c) for n, c in SPREADS.items() if row.get(c)},
        lidc_nodule=row.get("lidc_nodule") or None,
    )


def read_excluded(path: Path) -> list[ExcludedFinding]:
    """Read LUNA16's ``annotations_excluded.csv``; a diameter of -1 is an unknown one."""
    findings = []
    for row in _rows(path, ("seriesuid", *COORDINATES, "diameter_mm")):
        diameter = _number(path, row, "diameter_mm")
        point = _point(path, row, COORDINATES)
        findings.append(
            ExcludedFinding(row["seriesuid"], point, diameter if diameter > 0 else None)
        )
    return findings


def read_candidates(path: Path) -> list[LabelledCandidate]:
    """Read ``candidates_V2.csv``, a cache's or ``candidates_segmentation.csv``."""
    rows = _rows(path, ("seriesuid", *COORDINATES, "class"))
    return [
        LabelledCandidate(
            row["seriesuid"],
            _point(path, row, COORDINATES),
            _number(path, row, "class") > 0,
            _optional(path, row, "probability"),
        )
        for row in rows
    ]


def read_points(path: Path) -> list[tuple[str, Point]]:
    """Read the series and the place of each row; other columns do not matter."""
    rows = _rows(path, ("seriesuid", *COORDINATES))
    return [(row["seriesuid"], _point(path, row, COORDINATES)) for row in rows]
