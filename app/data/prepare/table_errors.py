"""What a user is told of a table that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodulus.app.data.prepare.csv_table import TableError
from nodulus.app.errors import ErrorCode, NodulusError


@contextmanager
def table_errors(path: Path) -> Iterator[None]:
    """Turn what reading a table raises into an error for the user.

    Args:
        path: of the table.

    Raises:
        NodulusError: ``input-not-found`` or ``input-not-readable``.
    """
    try:
        yield
    except TableError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The table cannot be read: {error.problem.message}.",
            remedy="Write the nodules as seriesuid,coordX,coordY,coordZ,diameter_mm, candidates "
            "with class for the diameter, and patients as seriesuid,patient.",
            subject=error.problem.path,
        ) from error
    except (OSError, UnicodeError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND if missing else ErrorCode.INPUT_NOT_READABLE,
            "There is no such table." if missing else f"The table cannot be read ({error}).",
            remedy="Check the path.",
            subject=path,
        ) from error
