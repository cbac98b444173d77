"""A table that says whose scans these are."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.data.prepare.csv_table import SERIES, TableError
from nodulus.app.data.prepare.problems import Problem, ProblemKind

PATIENT = "patient"
MARKED = "marked"
_MARKED = ("complete", "partly")


@dataclass(frozen=True)
class WhoseScans:
    """What a table says of scans.

    Args:
        patients: the patient of each series.
        marked: of the series for which it is said: ``complete`` where every nodule is marked,
            ``partly`` where others may be there.
    """

    patients: Mapping[str, str]
    marked: Mapping[str, str]


def read_patients(path: Path) -> WhoseScans:
    """Read a CSV with the columns ``seriesuid`` and ``patient``, and perhaps ``marked``.

    Raises:
        FileNotFoundError: no such file.
        TableError: a column or a cell is missing or has another word, or a series has two
            patients.
    """
    patients: dict[str, str] = {}
    marked: dict[str, str] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [n for n in (SERIES, PATIENT) if n not in (reader.fieldnames or ())]
        if missing:
            raise _broken(path, 1, f"the columns {', '.join(missing)} are missing")
        for row in reader:
            series, patient = (row[SERIES] or "").strip(), (row[PATIENT] or "").strip()
            if not series or not patient:
                raise _broken(path, reader.line_num, "a series or its patient is missing")
            if patients.setdefault(series, patient) != patient:
                raise _broken(path, reader.line_num, f"series {series} has two patients")
            if word := (row.get(MARKED) or "").strip():
                if word not in _MARKED:
                    message = f"{MARKED} is {' or '.join(_MARKED)}, not '{word}'"
                    raise _broken(path, reader.line_num, message)
                marked[series] = word
    return WhoseScans(patients, marked)


def _broken(path: Path, row: int, message: str) -> TableError:
    return TableError(Problem(ProblemKind.TABLE_FORM, message, path, row))
