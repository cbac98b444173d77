"""One study's folder, replaced as a whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError

FINDINGS_FILE = "findings.json"
"""The file by which a folder of Nodulus is known."""


def check_folder(folder: Path) -> None:
    """Make sure that results can be written to ``folder``; leaves it as it was.

    Worth calling before hours of work, and called again by `replaced_folder`.

    Args:
        folder: the study's folder; need not exist.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """
    target = folder.resolve()
    _refuse_foreign(target)
    try:
        probe = _sibling(target, "probe")
        probe.rmdir()
    except OSError as error:
        raise _not_writable(folder, error) from error


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty temporary folder that takes the place of ``folder`` at the end.

    When the block raises, the temporary folder is removed and ``folder`` stays as it was. The
    swap is two renames on one file system.

    Args:
        folder: the study's folder; must not exist, be empty, or hold ``findings.json``.

    Yields:
        The folder to write into; a hidden sibling of ``folder``.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """
    target = folder.resolve()
    _refuse_foreign(target)
    part: Path | None = None
    try:
        part = _sibling(target, "part")
        yield part
        _swap(part, target)
    except OSError as error:
        raise _not_writable(folder, error) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _sibling(target: Path, purpose: str) -> Path:
    """Create an empty hidden folder beside ``target``; not mkdtemp, whose mode is private."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sibling = target.with_name(f".{target.name}.{secrets.token_hex(6)}.{purpose}")
    sibling.mkdir()
    return sibling


def _swap(part: Path, target: Path) -> None:
    """Rename ``part`` to ``target``; put the old folder back when that fails."""
    if not target.exists():
        part.rename(target)
        return
    old = target.with_name(part.name.removesuffix(".part") + ".old")
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign(target: Path) -> None:
    """Raise when ``target`` holds something that Nodulus did not make."""
    try:
        if not target.exists():
            return
        foreign = not target.is_dir() or (
            any(target.iterdir()) and not (target / FINDINGS_FILE).is_file()
        )
    except OSError as error:
        raise _not_writable(target, error) from error
    if foreign:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"It exists, is not empty and holds no {FINDINGS_FILE}, so it is not a result of "
            "Nodulus and is not replaced.",
            remedy="Name another output folder, or move this one away.",
            subject=target,
        )


def _not_writable(folder: Path, error: OSError) -> NodulusError:
    return NodulusError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        f"Results cannot be written here ({error.strerror or type(error).__name__}).",
        remedy="Check the permissions and the free space, or name another output folder.",
        subject=folder,
    )
