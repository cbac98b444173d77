"""One process at a time, by a lock that ends with its process, however that ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LockTimeoutError(Exception):
    """Another process has kept the lock for longer than one waits."""


@contextmanager
def file_lock(path: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold SQLite's exclusive lock of a file, which works wherever the ledgers do.

    Args:
        path: of the lock; made where it is missing, and left there.
        wait_s: how long to wait for another process.

    Raises:
        LockTimeoutError: another process has it still.
        sqlite3.Error: the file cannot be made.
    """
    lock = sqlite3.connect(path, isolation_level=None, timeout=wait_s)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # its code has a name from Python 3.11 on
                raise
            raise LockTimeoutError(str(path)) from error
        yield
    finally:
        lock.close()
