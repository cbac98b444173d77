"""One study's folder, replaced as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.private_folder import (
    REPLACED,
    STAGING_PREFIX,
    locked,
    private_folder,
    uninterrupted,
)

FINDINGS_FILE = "findings.json"
"""The file by which a folder of Nodulus is known."""


@dataclass
class StagedFolder:
    """A folder that is filled before it takes its place.

    Args:
        part: to write into; empty.
        folder: where it goes; where it is, afterwards.
    """

    part: Path
    folder: Path


def check_folder(folder: Path, known_by: str = FINDINGS_FILE) -> None:
    """Make sure that results can be written to ``folder``; leaves it as it was.

    Worth calling before hours of work, and called again by `replaced_folder`.

    Args:
        folder: the study's folder; need not exist.
        known_by: the file by which such a folder is known.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """
    target = folder.resolve()
    with locked(target.parent):  # another run may be swapping it just now
        _refuse_foreign(target, known_by)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with private_folder(target.parent, STAGING_PREFIX):
            pass
    except OSError as error:
        raise not_writable(folder, error) from error


@contextmanager
def replaced_folder(
    folder: Path,
    choose: Callable[[Path], Path] | None = None,
    known_by: str = FINDINGS_FILE,
) -> Iterator[StagedFolder]:
    """Yield an empty temporary folder that takes the place of ``folder`` at the end.

    When the block raises, the temporary folder is removed and ``folder`` stays as it was. The
    swap is two renames on one file system; a process that dies between them leaves the old folder
    in its staging folder, from where the next one puts it back.

    Args:
        folder: the study's folder; must not exist, be empty, or hold ``known_by``.
        choose: called before the swap, while no other process swaps in the same parent: gives
            the folder that is to be replaced instead, beside ``folder``. None for ``folder``.
        known_by: the file by which such a folder is known.

    Yields:
        Where to write.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """
    target = folder.resolve()
    with locked(target.parent):  # another run may be swapping it just now
        _refuse_foreign(target, known_by)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with private_folder(target.parent, STAGING_PREFIX) as own:
            staged = StagedFolder(own / "part", target)
            staged.part.mkdir()
            yield staged
            with locked(target.parent):
                if choose is not None:
                    target = choose(target)
                    _refuse_foreign(target, known_by)
                with uninterrupted:
                    _swap(staged.part, target, own / REPLACED)
            staged.folder = folder.with_name(target.name)
    except OSError as error:
        raise not_writable(folder, error) from error


def _swap(part: Path, target: Path, replaced: Path) -> None:
    """Rename ``part`` to ``target``; put the old folder back when that fails."""
    if not target.exists():
        part.rename(target)
        return
    replaced.mkdir()
    old = replaced / target.name
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise


def _refuse_foreign(target: Path, known_by: str) -> None:
    """Raise when ``target`` holds something that Nodulus did not make."""
    try:
        if not target.exists():
            return
        foreign = not target.is_dir() or (
            any(target.iterdir()) and not (target / known_by).is_file()
        )
    except OSError as error:
        raise not_writable(target, error) from error
    if foreign:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"It exists, is not empty and holds no {known_by}, so it is not a result of "
            "Nodulus and is not replaced.",
            remedy="Name another output folder, or move this one away.",
            subject=target,
        )
