"""Reads users' CSV files in LUNA16's form: a series and numbers, whatever the spreadsheet did.

Semicolons or tabs instead of commas, decimal commas between them, and a missing header are read
where they can mean one thing only, and reported; a row that cannot be read is reported with its
line and left out.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nodulus.app.data.prepare.problems import Problem, ProblemKind

SERIES = "seriesuid"
_CACHE_NAMES = {
    "series_uid": "seriesuid",
    "center_x_lps_mm": "coordx",
    "center_y_lps_mm": "coordy",
    "center_z_lps_mm": "coordz",
}
"""What the tables of a training cache call LUNA16's columns, in small letters."""
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SEEN = 40
"""So much of a cell that is no number is quoted in a message."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row.

    Args:
        row: its line in the file, the first being 1.
        series_uid: its series.
        numbers: in the order of the columns asked for; NaN for an optional one that is empty.
    """

    row: int
    series_uid: str
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class CsvTable:
    """A file that was read.

    Args:
        path: the file.
        rows: those that can be read.
        problems: what is wrong with the others, and with the file's form.
    """

    path: Path
    rows: tuple[CsvRow, ...]
    problems: tuple[Problem, ...]


class TableError(ValueError):
    """A file that cannot be read as a table at all.

    Args:
        problem: why.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


@dataclass(frozen=True)
class _Form:
    """How a file is written.

    Args:
        encoding: of the text.
        delimiter: between cells.
        decimal: mark in numbers.
        header: the line that names the columns, 0 where none does.
        places: position of the series and of each column; -1 for an optional one that is not
            there.
        width: how many cells a row has.
    """

    encoding: str
    delimiter: str
    decimal: str
    header: int
    places: tuple[int, ...]
    width: int


def read_table(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> CsvTable:
    """Read the series and the numbers of each row.

    Args:
        path: the file.
        columns: names of the columns with numbers; in a file without a header they follow the
            series in this order, and there are no others.
        optional: names of further columns with numbers, that may be missing or empty.

    Raises:
        FileNotFoundError: no such file.
        TableError: the columns cannot be told, or not one of its rows can be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    form, problems = _form(path, columns, optional)
    rows = []
    for number, cells in _lines(path, form.encoding, form.delimiter):
        if number == form.header:
            continue
        try:
            rows.append(_row(number, cells, form, len(columns)))
        except ValueError as error:
            message = f"{error}; row left out"
            problems.append(Problem(ProblemKind.ROW_BROKEN, message, path, number))
    broken = sum(problem.kind is ProblemKind.ROW_BROKEN for problem in problems)
    if broken and not rows:
        message = (
            f"none of its {broken} rows can be read, the first because {problems[-broken].message}"
        )
        raise TableError(Problem(ProblemKind.TABLE_FORM, message, path))
    return CsvTable(path, tuple(rows), tuple(problems))


def _lines(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers."""
    with path.open(newline="", encoding=encoding, errors="replace") as file:
        for number, cells in enumerate(csv.reader(file, delimiter=delimiter), start=1):
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield number, stripped


def _form(
    path: Path, columns: Sequence[str], optional: Sequence[str]
) -> tuple[_Form, list[Problem]]:
    with path.open("rb") as file:
        start = file.read(2)
    encoding = next((name for mark, name in _MARKS if start == mark), "utf-8-sig")
    with path.open(encoding=encoding, errors="replace") as text:
        first_line = text.readline()
    delimiter = next((mark for mark in (";", "\t") if mark in first_line), ",")
    header, first = next(_lines(path, encoding, delimiter), (1, []))
    names = [cell.lower() for cell in first]
    names = [n if _CACHE_NAMES.get(n, n) in names else _CACHE_NAMES[n] for n in names]
    wanted = [name.lower() for name in (SERIES, *columns)]
    missing = [name for name in (SERIES, *columns) if name.lower() not in names]
    problems = []
    if not missing:
        places = [names.index(name) for name in wanted]
        places += [names.index(n.lower()) if n.lower() in names else -1 for n in optional]
        width = len(first)
    elif len(first) == len(wanted) and all(_looks_numeric(cell) for cell in first[1:]):
        places = [*range(len(wanted)), *(-1 for _ in optional)]
        width, header = len(wanted), 0
        message = f"there is no header; its columns are taken for {', '.join((SERIES, *columns))}"
        problems.append(Problem(ProblemKind.TABLE_FORM, message, path, 1))
    else:
        message = f"the columns {', '.join(missing)} are missing"
        raise TableError(Problem(ProblemKind.TABLE_FORM, message, path, 1))
    form = _Form(encoding, delimiter, ".", header, tuple(places), width)
    if delimiter != ",":
        decimal = _decimal(path, form)
        form = replace(form, decimal=decimal)
        mark = "semicolons" if delimiter == ";" else "tabs"
        comma = " and a decimal comma" if decimal == "," else ""
        message = f"written with {mark}{comma}; read as such"
        problems.append(Problem(ProblemKind.TABLE_FORM, message, path))
    return form, problems


def _looks_numeric(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _decimal(path: Path, form: _Form) -> str:
    """The mark in numbers of a file whose cells are not parted by commas.

    Raises:
        TableError: points and commas both occur, so that either may part thousands.
    """
    used: set[str] = set()
    for number, cells in _lines(path, form.encoding, form.delimiter):
        if number == form.header:
            continue
        for place in form.places[1:]:
            if 0 <= place < len(cells):
                used |= {",", "."} & set(cells[place])
        if len(used) > 1:
            message = "numbers with a decimal point and with a comma; either may part thousands"
            raise TableError(Problem(ProblemKind.TABLE_FORM, message, path, number))
    return used.pop() if used else "."


def _row(number: int, cells: list[str], form: _Form, required: int) -> CsvRow:
    """Raises ValueError: what is wrong with the row."""
    if len(cells) != form.width:
        raise ValueError(f"{len(cells)} cells where there should be {form.width}")
    series_uid = cells[form.places[0]]
    if not series_uid:
        raise ValueError("no series")
    numbers = []
    for k, place in enumerate(form.places[1:]):
        text = cells[place] if place >= 0 else ""
        if not text and k >= required:
            numbers.append(math.nan)
            continue
        try:
            value = float(text.replace(",", ".") if form.decimal == "," else text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f"{text[:_SEEN]!r} is not a number")
        numbers.append(value)
    return CsvRow(number, series_uid, tuple(numbers))
