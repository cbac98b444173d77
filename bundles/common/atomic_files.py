"""Atomic writes: a file is whole or not there. And checksums of files."""

from __future__ import annotations

import csv
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHUNK = 2**20
_STALE_S = 600.0


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``: renamed to it at the end, deleted after an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_stale_parts(folder: Path) -> None:
    """Delete temporary files that a killed process left in a folder; not those in use."""
    for part in folder.glob(".*.part"):
        if time.time() - part.stat().st_mtime > _STALE_S:
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def write_table(
    path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]], header: bool = True
) -> None:
    """Write a CSV file atomically; what a row lacks stays empty."""
    with atomic_write(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(columns), lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)


def sha256(path: Path) -> str:
    """The checksum of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
