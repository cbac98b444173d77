"""LUNA16's tables: nodules, candidates, excluded findings and the list of series."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nodulus.app.data.prepare.csv_table import CsvRow, CsvTable, TableError, read_table
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.bundles.common.data.tables import (
    COORDINATES,
    ExcludedFinding,
    LabelledCandidate,
    Nodule,
)

ANNOTATIONS = "annotations.csv"
CANDIDATES = ("candidates_V2.csv", "candidates.csv")
EXCLUDED = "annotations_excluded.csv"
SERIES = "seriesuids.csv"
_DIAMETER = "diameter_mm"

Item = TypeVar("Item", Nodule, LabelledCandidate, ExcludedFinding)


@dataclass(frozen=True)
class Luna16Tables:
    """What the tables of a folder say, by series.

    Args:
        annotations: the file with the nodules.
        nodules: of each series that has any.
        nodule_rows: the line of each of these nodules.
        candidates: with the truth that the file states.
        excluded: findings that are neither nodule nor background.
        listed: line of each series in ``seriesuids.csv``; None where there is no such file.
        series_file: that file.
        problems: rows that cannot be read, and tables that are not there.
    """

    annotations: Path
    nodules: dict[str, list[Nodule]]
    nodule_rows: dict[str, list[int]]
    candidates: dict[str, list[LabelledCandidate]]
    excluded: dict[str, list[ExcludedFinding]]
    listed: dict[str, int] | None
    series_file: Path | None
    problems: tuple[Problem, ...]

    @property
    def series(self) -> set[str]:
        """Every series that a scan should be there of."""
        return {*self.nodules, *(self.listed or {})}


def find_table(root: Path, names: Iterable[str]) -> Path | None:
    """The first of these files that lies in a folder, or up to two folders below."""
    for name in names:
        for pattern in (name, f"*/{name}", f"*/*/{name}"):
            if found := sorted(root.glob(pattern)):
                return found[0]
    return None


def read_tables(root: Path) -> Luna16Tables:
    """Read the tables of a folder; they may lie in it or below, as the challenge packs them.

    Args:
        root: the folder with the subsets.

    Raises:
        FileNotFoundError: there is no ``annotations.csv``.
        TableError: a table cannot be read at all.
    """
    annotations = find_table(root, [ANNOTATIONS])
    if annotations is None:
        raise FileNotFoundError(f"{root}: no {ANNOTATIONS} in it or below")
    nodules, lines, found = read_nodule_rows(annotations)
    problems = list(found)
    candidates: dict[str, list[LabelledCandidate]] = {}
    excluded: dict[str, list[ExcludedFinding]] = {}
    if path := _optional(root, CANDIDATES, "candidates", problems):
        table = read_table(path, (*COORDINATES, "class"))
        problems += table.problems
        candidates, _ = _grouped(table.rows, _candidate)
    if path := _optional(root, [EXCLUDED], "excluded findings", problems):
        table = read_table(path, (*COORDINATES, _DIAMETER))
        problems += table.problems
        excluded, _ = _grouped(table.rows, _finding)
    listed = None
    series_file = _optional(root, [SERIES], "list of series", problems)
    if series_file:
        listed = _listed(series_file, problems)
    return Luna16Tables(
        annotations, nodules, lines, candidates, excluded, listed, series_file, tuple(problems)
    )


def read_nodule_rows(
    path: Path,
) -> tuple[dict[str, list[Nodule]], dict[str, list[int]], tuple[Problem, ...]]:
    """Read nodules in LUNA16's form; a further column ``malignancy`` (1 to 5) is read too.

    Args:
        path: such as ``annotations.csv``.

    Returns:
        The nodules of each series, the line of each of them, and what is wrong with other lines.

    Raises:
        FileNotFoundError: no such file.
        TableError: it cannot be read at all.
    """
    table = read_table(path, (*COORDINATES, _DIAMETER), ("malignancy",))
    problems = list(table.problems)
    kept = _once(path, _possible(table, problems), problems)
    nodules, lines = _grouped(kept, _nodule)
    return nodules, lines, tuple(problems)


def read_candidate_rows(
    path: Path,
) -> tuple[dict[str, list[LabelledCandidate]], tuple[Problem, ...]]:
    """Read candidates in LUNA16's form; further columns, such as a reason, are passed over.

    Returns:
        The candidates of each series, and what is wrong with lines that cannot be read.

    Raises:
        FileNotFoundError: no such file.
        TableError: it cannot be read at all.
    """
    table = read_table(path, (*COORDINATES, "class"))
    return _grouped(table.rows, _candidate)[0], tuple(table.problems)


def _optional(root: Path, names: Iterable[str], what: str, problems: list[Problem]) -> Path | None:
    path = find_table(root, names)
    if path is None:
        message = f"there is no {' or '.join(names)}: prepared without its {what}"
        problems.append(Problem(ProblemKind.TABLE_MISSING, message, root))
    return path


def _possible(table: CsvTable, problems: list[Problem]) -> list[CsvRow]:
    """The rows whose diameter and malignancy can be."""
    rows = []
    for row in table.rows:
        *_, diameter, malignancy = row.numbers
        if diameter > 0 and not (malignancy < 1 or malignancy > 5):
            rows.append(row)
            continue
        what = f"a malignancy of {malignancy:g}" if diameter > 0 else f"a nodule of {diameter:g} mm"
        message = f"{what}; row left out"
        problems.append(
            Problem(ProblemKind.ROW_BROKEN, message, table.path, row.row, row.series_uid)
        )
    return rows


def _once(path: Path, rows: Iterable[CsvRow], problems: list[Problem]) -> list[CsvRow]:
    """The rows without those that repeat an earlier one."""
    first: dict[tuple[str, tuple[float, ...]], int] = {}
    kept = []
    for row in rows:
        earlier = first.setdefault((row.series_uid, row.numbers[:4]), row.row)
        if earlier == row.row:
            kept.append(row)
            continue
        message = f"the same nodule as in row {earlier}; row left out"
        problems.append(Problem(ProblemKind.ROW_TWICE, message, path, row.row, row.series_uid))
    return kept


def _grouped(
    rows: Iterable[CsvRow], make: Callable[[CsvRow], Item]
) -> tuple[dict[str, list[Item]], dict[str, list[int]]]:
    """Items and line numbers by series."""
    items: dict[str, list[Item]] = defaultdict(list)
    lines: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        items[row.series_uid].append(make(row))
        lines[row.series_uid].append(row.row)
    return dict(items), dict(lines)


def _nodule(row: CsvRow) -> Nodule:
    x, y, z, diameter, malignancy = row.numbers
    rating = None if math.isnan(malignancy) else malignancy
    return Nodule(row.series_uid, (x, y, z), diameter, malignancy=rating)


def _candidate(row: CsvRow) -> LabelledCandidate:
    x, y, z, truth = row.numbers
    return LabelledCandidate(row.series_uid, (x, y, z), truth > 0)


def _finding(row: CsvRow) -> ExcludedFinding:
    x, y, z, diameter = row.numbers
    return ExcludedFinding(row.series_uid, (x, y, z), diameter if diameter > 0 else None)


def _listed(path: Path, problems: list[Problem]) -> dict[str, int]:
    """The series of ``seriesuids.csv`` with their lines."""
    try:
        listed, found = read_series_list(path)
    except TableError:
        message = "not a list of series UIDs, one a line; every scan on disk is taken instead"
        problems.append(Problem(ProblemKind.TABLE_FORM, message, path))
        return {}
    problems += found
    return listed


def read_series_list(path: Path) -> tuple[dict[str, int], tuple[Problem, ...]]:
    """Read a list of series, one a line, with or without the header ``seriesuid``.

    Returns:
        The line of each series, and what is wrong with other lines.

    Raises:
        FileNotFoundError: no such file.
        TableError: it has other columns.
    """
    table = read_table(path, ())
    # LUNA16's own file has no header
    problems = [p for p in table.problems if p.kind is not ProblemKind.TABLE_FORM]
    return {row.series_uid: row.row for row in table.rows}, tuple(problems)
