"""A table that says whose scans these are."""

from __future__ import annotations

import csv
from pathlib import Path

from nodulus.app.data.prepare.csv_table import SERIES, TableError
from nodulus.app.data.prepare.problems import Problem, ProblemKind

PATIENT = "patient"


def read_patients(path: Path) -> dict[str, str]:
    """Read a CSV with the columns ``seriesuid`` and ``patient``.

    Raises:
        FileNotFoundError: no such file.
        TableError: a column or a cell is missing, or a series has two patients.
    """
    patients: dict[str, str] = {}
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
    return patients


def _broken(path: Path, row: int, message: str) -> TableError:
    return TableError(Problem(ProblemKind.TABLE_FORM, message, path, row))
