"""Temporary folders that end with their process, however it ends.

A file in each is locked for as long as its process lives, and the system takes the lock away when
the process is gone: so the next one that starts can tell what a dead process left behind, and
removes it. Locks are those of flock(2); where there are none (Windows, some network file systems)
folders are removed at an ordinary end only.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

TEMPORARY_PREFIX = "nodulus-"
"""In the system's folder for temporary files."""
STAGING_PREFIX = ".nodulus-"
"""Beside results, for what is put in place when it is whole."""
REPLACED = "replaced"
"""Within a staging folder: holds, for a moment, what was there before."""

_SUFFIX = ".private"
_MARKER = ".nodulus"
"""By name and by this file within it a folder is known for one of these, and not a user's."""

_open: set[Path] = set()
uninterrupted = RLock()
"""Held while files are between two places, so that a signal does not end the process there."""


@contextmanager
def private_folder(parent: Path | None = None, prefix: str = TEMPORARY_PREFIX) -> Iterator[Path]:
    """Make a folder that only this user may enter, and remove it at the end.

    What dead processes left beside it is removed first.

    Args:
        parent: where it is made; None for the system's folder for temporary files.
        prefix: of its name.

    Yields:
        The folder, empty but for a hidden file.

    Raises:
        OSError: it cannot be made.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    clear_remains(parent, prefix)
    folder, descriptor = _new(parent, prefix)
    _open.add(folder)
    try:
        yield folder
    finally:
        _open.discard(folder)
        if sys.platform == "win32":  # where nobody removes a file that is open
            os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)
        if sys.platform != "win32":
            os.close(descriptor)


def clear_remains(parent: Path, prefix: str = STAGING_PREFIX) -> None:
    """Remove what dead processes left; a result that one was about to replace is put back.

    Args:
        parent: the folder to look in.
        prefix: of the names of their folders.
    """
    with suppress(OSError):
        for folder in sorted(parent.glob(f"{prefix}*{_SUFFIX}")):
            with suppress(OSError):
                if (folder / _MARKER).is_file() and not folder.is_symlink():
                    _clear(folder)


def remove_open() -> None:
    """Remove every folder that is open now; for the end of the process."""
    for folder in tuple(_open):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes, and other threads, that ask for the same folder waiting."""
    descriptor = _opened(folder)
    try:
        if descriptor is not None:
            _lock(descriptor, wait=True)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _new(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder and lock it; another one where a process that clears up was quicker."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=parent))
        # Not the folder itself: a run may write results into a folder that is private (`locked`).
        descriptor = os.open(folder / _MARKER, os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(descriptor, wait=False) is not False and folder.exists():
            return folder, descriptor
        os.close(descriptor)


def _clear(folder: Path) -> None:
    """Remove a folder unless its process lives, or nobody can tell."""
    descriptor = _opened(folder / _MARKER)
    if descriptor is None:
        return
    try:
        if not _lock(descriptor, wait=False):
            return
        for kept in (folder / REPLACED).glob("*"):
            if not (folder.parent / kept.name).exists():
                kept.rename(folder.parent / kept.name)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:  # gone, another user's, or Windows, which opens no folders
        return None


def _lock(descriptor: int, *, wait: bool) -> bool | None:
    """Lock what is open; False where another one holds it, None where there are no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
