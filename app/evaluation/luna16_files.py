"""The four CSV files that the LUNA16 challenge's evaluation takes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodulus.app.data.prepare.csv_table import CsvRow, read_table
from nodulus.app.data.prepare.problems import ProblemKind
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.data.tables import COORDINATES
from nodulus.bundles.common.metrics.luna16_match import Places

DIAMETER, PROBABILITY = "diameter_mm", "probability"


@dataclass(frozen=True, eq=False)
class OwnPlaces:
    """The rows of a file that belong to the listed series.

    Args:
        places: in the order of the file; points in patient LPS mm.
        elsewhere: how many rows belong to other series.
    """

    places: Places
    elsewhere: int


def read_series(path: Path) -> tuple[str, ...]:
    """Read ``seriesuids.csv``: one series a row, with a header or without.

    Raises:
        NodulusError: ``input-not-found``, ``input-not-readable`` or ``input-empty``; names the
            row.
    """
    rows = _read(path, ())
    seen: dict[str, int] = {}
    for row in rows:
        if row.series_uid in seen:
            raise _broken(
                path, f"row {row.row}: the series of row {seen[row.series_uid]} stands here again"
            )
        seen[row.series_uid] = row.row
    if not seen:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "it lists no series.",
            remedy="Give the series that were analysed, one a row.",
            subject=path,
        )
    return tuple(seen)


def read_places(path: Path, series: Sequence[str], value: str) -> OwnPlaces:
    """Read ``annotations.csv``, ``annotations_excluded.csv`` or a submission.

    Args:
        path: columns seriesuid, coordX, coordY, coordZ and ``value`` by name, in any order with
            any others beside them; without a header these five.
        series: rows of other series are counted and left out.
        value: ``diameter_mm`` or ``probability``.

    Raises:
        NodulusError: ``input-not-found`` or ``input-not-readable``; names the row.
    """
    rows = _read(path, (*COORDINATES, value))
    place = {uid: n for n, uid in enumerate(series)}
    own = [row for row in rows if row.series_uid in place]
    numbers = np.asarray([row.numbers for row in own], dtype=np.float64).reshape(-1, 4)
    scan = np.asarray([place[row.series_uid] for row in own], dtype=np.int64)
    return OwnPlaces(Places(scan, numbers[:, :3], numbers[:, 3]), len(rows) - len(own))


def _read(path: Path, columns: Sequence[str]) -> tuple[CsvRow, ...]:
    try:
        table = read_table(path, columns)
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "no such file.",
            remedy="Check the path.",
            subject=path,
        ) from error
    except (OSError, ValueError, csv.Error) as error:
        raise _broken(path, str(error).removeprefix(f"{path}: ")) from error
    for problem in table.problems:
        # One row less changes every figure, so that none is left out as it is in training.
        if problem.kind is ProblemKind.ROW_BROKEN:
            what = problem.message.removesuffix("; row left out")
            raise _broken(path, f"row {problem.row}: {what}")
    return table.rows


def _broken(path: Path, what: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        f"{what}.",
        remedy="Correct the file; docs/evaluation.md shows its form.",
        subject=path,
    )
