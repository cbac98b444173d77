"""Finds the files of an input path."""

from __future__ import annotations

import errno
import os
import stat
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.message_words import abbreviated, count

RESULT_FILE = "findings.json"
FAILURE_NOTE_FILE = "failure_note.dcm"
NOT_ANALYSED = "~not-analysed"
"""At the end of the name of a folder that holds nothing but a failure note."""
RESEARCH_SUFFIXES = (".nii", ".nii.gz", ".mhd", ".mha", ".nrrd", ".nhdr")
_NEVER_IMAGES = (
    ".bin", ".csv", ".gif", ".gz", ".htm", ".html", ".jpeg", ".jpg", ".json", ".log", ".md",
    ".npy", ".npz", ".pdf", ".png", ".pt", ".py", ".raw", ".tif", ".tiff", ".txt", ".xml",
    ".yaml", ".yml", ".zip", ".zraw",
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """What lies at or under a path.

    Args:
        files: regular files, in a stable order.
        problems: entries that could not be looked at, those of a folder together.
        left_out: files of Nodulus' own results.
    """

    files: tuple[Path, ...]
    problems: tuple[NodulusError, ...] = ()
    left_out: int = 0


def list_files(path: Path) -> Listing:
    """List all regular files at or under a path; links to folders are followed once.

    Hidden entries, and what is no file (pipes, sockets), are passed over. So are folders in which
    Nodulus has left a result, for results may lie beside their input.

    Args:
        path: a folder or file.

    Raises:
        NodulusError: the path does not exist, cannot be read, or holds no file at all.
    """
    kind = _kind(path)
    if kind == "missing" and not os.path.lexists(path):
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "There is no such file or folder.",
            remedy="Check the path.",
            subject=path,
        )
    if kind == "file":
        return Listing((path,))
    if kind == "missing" or not kind:
        raise _unreadable(path, [path], _why(path))
    files: list[Path] = []
    unseen: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    left_out = 0
    seen: set[str] = set()

    def not_listed(error: OSError) -> None:
        folder = Path(error.filename or path)
        unseen[folder, f"the folder cannot be read ({error.strerror})"].append(folder)

    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=not_listed):
        here = Path(folder)
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        if here != path and _is_result(here):
            left_out += len(names)
            subfolders.clear()
            continue
        subfolders.sort()
        for name in sorted(name for name in names if not name.startswith(".")):
            kind = _kind(here / name)
            if kind == "file":
                files.append(here / name)
            elif kind in ("missing", ""):
                unseen[here, _why(here / name)].append(here / name)
    problems = tuple(_unreadable(at, entries, why) for (at, why), entries in unseen.items())
    if not files:
        if problems:
            raise problems[0]
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "The folder holds no files.",
            remedy="Give a folder with a CT series.",
            subject=path,
        )
    return Listing(tuple(files), problems, left_out)


def _kind(path: Path) -> str:
    """``file``, ``folder``, ``other``, ``missing`` (a link to nothing), or empty: unknown."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "missing"
    except OSError:
        # A loop of links leads nowhere, and so holds nothing.
        return "other" if _is_loop(path) else ""
    if stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "other"


def _is_loop(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _why(path: Path) -> str:
    try:
        path.stat()
    except FileNotFoundError:
        return "a link that points to nothing"
    except OSError as error:
        return error.strerror or type(error).__name__
    return "it cannot be read"


def _unreadable(folder: Path, entries: list[Path], why: str) -> NodulusError:
    if entries == [folder]:
        message = f"It cannot be looked at: {why}."
    else:
        names = abbreviated(
            [os.fsencode(entry.name).decode("utf-8", "replace") for entry in entries]
        )
        message = f"{count(len(entries), 'entry', 'entries')} cannot be looked at ({why}): {names}."
    is_link = "link" in why
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        message,
        remedy="Fetch the files that the links stand for (such as with git annex get), or copy "
        "what they point to, and run again."
        if is_link
        else "Check permissions, names and whether the drive is connected, and run again.",
        subject=folder,
    )


def _is_result(folder: Path) -> bool:
    """Whether a folder is a result of Nodulus, or its note that there is none."""
    if folder.name.endswith(NOT_ANALYSED) and (folder / FAILURE_NOTE_FILE).is_file():
        return True
    try:
        with (folder / RESULT_FILE).open("rb") as file:
            return b'"nodulus_version"' in file.read(4096)
    except OSError:
        return False


def is_research_format(path: Path) -> bool:
    """Whether the name is that of a NIfTI, MetaImage or NRRD file."""
    return path.name.lower().endswith(RESEARCH_SUFFIXES)


def may_be_dicom(path: Path) -> bool:
    """False for names that belong to other kinds of files, so that they are not opened."""
    return not path.name.lower().endswith(_NEVER_IMAGES)


def stem(path: Path) -> str:
    """The name without its suffix, both of them for ``.nii.gz``."""
    name = path.name
    for suffix in sorted(RESEARCH_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem
