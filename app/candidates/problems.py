"""What to raise where candidates of another tool do not hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.errors import ErrorCode, NodulusError


def invalid(path: Path, message: str, remedy: str) -> NodulusError:
    """An error of the code ``candidates-invalid``.

    Args:
        path: of the file.
        message: what is wrong, in one sentence.
        remedy: what the user can do about it.
    """
    return NodulusError(ErrorCode.CANDIDATES_INVALID, message, remedy=remedy, subject=path)


@contextmanager
def mask_errors(
    path: Path, message: str, remedy: str, kinds: tuple[type[MaskError | NodulusError], ...]
) -> Iterator[None]:
    """Say of candidates what is wrong with the masks that they are.

    Args:
        path: of the file.
        message: what cannot be done, before the reason.
        remedy: what the user can do about it.
        kinds: of errors.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    try:
        yield
    except kinds as error:
        raise invalid(path, f"{message}: {error.message.rstrip('.')}.", remedy) from error
