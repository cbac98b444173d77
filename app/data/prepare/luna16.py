"""LUNA16 as a source, with errors that a user can act on."""

from __future__ import annotations

from pathlib import Path

from nodulus.app.data.prepare.csv_table import TableError
from nodulus.app.data.prepare.luna16_scans import find_luna16
from nodulus.app.data.prepare.prepare_collection import Found
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress


def luna16_source(
    path: Path, *, agreement: float, partial_set: bool = False, progress: Progress | None = None
) -> Found:
    """Find LUNA16's scans; see :func:`nodulus.app.data.prepare.luna16_scans.find_luna16`.

    Raises:
        NodulusError: there is no scan, no ``annotations.csv``, or a table that cannot be read.
    """
    try:
        found = find_luna16(path, agreement=agreement, partial_set=partial_set, progress=progress)
    except TableError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The table cannot be read: {error.problem.message}.",
            remedy="Mend it, or download it again.",
            subject=error.problem.path,
        ) from error
    except FileNotFoundError as error:
        code = ErrorCode.NO_IMAGES if path.is_dir() else ErrorCode.INPUT_NOT_FOUND
        raise NodulusError(
            code,
            f"{error}.",
            remedy="Give the folder with subset0 to subset9, or some of them, and the tables.",
        ) from error
    return Found("luna16", found.scans, found.problems, found.expected)
