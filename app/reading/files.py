"""Finds the files of an input path."""

from __future__ import annotations

import os
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError

RESEARCH_SUFFIXES = (".nii", ".nii.gz", ".mhd", ".mha", ".nrrd", ".nhdr")
_NEVER_IMAGES = (
    ".bin", ".csv", ".gif", ".gz", ".htm", ".html", ".jpeg", ".jpg", ".json", ".log", ".md",
    ".npy", ".npz", ".pdf", ".png", ".pt", ".py", ".raw", ".tif", ".tiff", ".txt", ".xml",
    ".yaml", ".yml", ".zip", ".zraw",
)  # fmt: skip


def list_files(path: Path) -> list[Path]:
    """All regular files at or under a path, in a stable order; links to folders are followed once.

    Raises:
        NodulusError: the path does not exist, cannot be read, or holds no file at all.
    """
    if not path.exists():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "There is no such file or folder.",
            remedy="Check the path.",
            subject=path,
        )
    if path.is_file():
        return [path]
    if not os.access(path, os.R_OK | os.X_OK):
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            "The folder cannot be read.",
            remedy="Check its permissions.",
            subject=path,
        )
    files: list[Path] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        files += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
    files = [file for file in files if file.is_file()]
    if not files:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "The folder holds no files.",
            remedy="Give a folder with a CT series.",
            subject=path,
        )
    return files


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
