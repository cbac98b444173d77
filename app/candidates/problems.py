"""What to raise where candidates of another tool do not hold."""

from __future__ import annotations

from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError


def invalid(path: Path, message: str, remedy: str) -> NodulusError:
    """An error of the code ``candidates-invalid``.

    Args:
        path: of the file.
        message: what is wrong, in one sentence.
        remedy: what the user can do about it.
    """
    return NodulusError(ErrorCode.CANDIDATES_INVALID, message, remedy=remedy, subject=path)
