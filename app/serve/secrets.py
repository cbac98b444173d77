"""Passwords and tokens, which are on no command line."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError, not_writable

TOKEN_FILE = "token"  # noqa: S105 - the name of a file


def secret(name: str) -> str | None:
    """Give a secret of the environment, or of the file that the environment names.

    Args:
        name: of the variable; with ``_FILE`` behind it, of that which names the file.

    Raises:
        NodulusError: ``input-not-readable``.
    """
    file = os.environ.get(f"{name}_FILE")
    if file is None:
        return os.environ.get(name)
    return read_secret(Path(file))


def read_secret(path: Path) -> str:
    """Give the first line of a file.

    Raises:
        NodulusError: ``input-not-readable``.
    """
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].strip("\r")
    except (OSError, UnicodeError) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            "A secret cannot be read.",
            remedy="Check that the file exists and that this user may read it.",
            subject=path,
        ) from error


def kept_token(folder: Path) -> str:
    """Give the token of a service without accounts, the same at every start.

    Args:
        folder: of the service; the token is in a file that its owner alone may read.

    Raises:
        NodulusError: ``output-not-writable``, ``input-not-readable``.
    """
    path = folder / TOKEN_FILE
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        token = read_secret(path)
        if len(token) < 32:
            raise NodulusError(
                ErrorCode.INPUT_NOT_READABLE,
                "The service's token is too short.",
                remedy="Remove the file; the next start makes a new one.",
                subject=path,
            ) from None
        return token
    except OSError as error:
        raise not_writable(path, error) from error
    with os.fdopen(descriptor, "w") as file:
        file.write((token := secrets.token_urlsafe(32)) + "\n")
    return token
