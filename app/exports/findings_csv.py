"""Findings as CSV, with the columns of a cohort's table."""

from __future__ import annotations

import csv
import io

from nodulus.app.cohort.tables import FINDING_COLUMNS, FindingRow
from nodulus.app.exports.study import ResultToExport

CSV_FILE = "findings.csv"


def export(study: ResultToExport) -> dict[str, bytes]:
    """Give the table, a row a finding; docs/cohort.md describes the columns.

    Args:
        study: of any source.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(column.name for column in FINDING_COLUMNS)
    for finding in study.result.findings:
        row = FindingRow(study.folder.name, study.result, finding)
        writer.writerow(column.value(row) for column in FINDING_COLUMNS)
    return {CSV_FILE: stream.getvalue().encode(errors="backslashreplace")}
