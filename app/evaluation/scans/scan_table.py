"""What is known of each scan beside its lesions."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.patient_roles import Role, role_of

Use = Literal["training", "validation", "test"]
COLUMNS = ("seriesuid", "patient", "marked", "use")


@dataclass(frozen=True)
class ScanRow:
    """One row of the table.

    Args:
        series_uid: of the scan; the file's stem for research formats.
        patient: whose scan it is; choices are cross-validated by patient.
        is_complete: whether every lesion is marked. Where not, a mark on nothing known may be
            right.
        use: what the scan is for. Nothing is ever chosen on a test scan.
    """

    series_uid: str
    patient: str
    is_complete: bool = True
    use: Use = "validation"


def row_of(series_uid: str, table: Mapping[str, ScanRow]) -> ScanRow:
    """A scan's row; without one it is a complete scan of a patient of its own."""
    known = table.get(series_uid)
    return known or ScanRow(series_uid, series_uid, use=_settled_use(series_uid))


def read_scan_table(path: Path | None) -> dict[str, ScanRow]:
    """Read ``seriesuid,patient,marked,use``; of these only the first column must be there.

    ``marked`` is ``complete`` (the default) or ``partly``, ``use`` is ``training``, ``validation``
    or ``test``; the default is what ``configs/patients.json`` says of the patient, where reserved
    is ``test``, else ``validation``.

    Args:
        path: None for an empty table.

    Raises:
        NodulusError: ``input-not-found`` or ``input-not-readable``; names the file and the row.
    """
    if path is None:
        return {}
    if not path.is_file():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND, "no such file.", remedy="Check the path.", subject=path
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if "seriesuid" not in (reader.fieldnames or ()):
                raise ValueError("it has no column seriesuid")
            rows = [_row(row, number) for number, row in enumerate(reader, start=2)]
    except (OSError, ValueError, csv.Error) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"the table of scans cannot be read: {error}.",
            remedy=f"Give a CSV file with the columns {', '.join(COLUMNS)}.",
            subject=path,
        ) from error
    return {row.series_uid: row for row in rows}


def _settled_use(patient: str) -> Use:
    """By the one list of patients over all sources."""
    role = role_of(patient)
    if role is Role.RESERVED:
        return "test"
    return "training" if role is Role.TRAINING else "validation"


def _row(row: Mapping[str, str | None], number: int) -> ScanRow:
    uid = (row.get("seriesuid") or "").strip()
    marked = (row.get("marked") or "complete").strip()
    if not uid:
        raise ValueError(f"row {number} has no seriesuid")
    patient = (row.get("patient") or uid).strip()
    given = (row.get("use") or _settled_use(patient)).strip()
    use = next((name for name in get_args(Use) if name == given), None)
    if marked not in {"complete", "partly"}:
        raise ValueError(f"row {number}: marked must be complete or partly, not {marked!r}")
    if use is None:
        raise ValueError(f"row {number}: use must be one of {get_args(Use)}, not {given!r}")
    return ScanRow(uid, patient, marked == "complete", use)
