"""The layout of a training cache: what ``nodulus prepare`` writes and training reads.

``cache.json`` is written last and says how the scans were prepared; a folder without it is no
cache. ``studies.csv``, ``nodules.csv``, ``candidates.csv`` and ``excluded.csv`` say what is known
of the scans; ``prepared/<series uid>.pt`` holds one scan each, ``records/<series uid>.json`` where
it came from. ``summary.json`` and ``problems.csv`` are of the latest run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nodulus.bundles.common.atomic_files import write_text

MANIFEST = "cache.json"
FORMAT = "nodulus-cache"
FORMAT_VERSION = 1
STUDIES = "studies.csv"
NODULES = "nodules.csv"
CANDIDATES = "candidates.csv"
EXCLUDED = "excluded.csv"
CANDIDATES_SEGMENTATION = "candidates_segmentation.csv"
PROBLEMS = "problems.csv"
SUMMARY = "summary.json"
PREPARED = "prepared"
RECORDS = "records"


@dataclass(frozen=True)
class PreparedFile:
    """A scan that is prepared.

    Args:
        path: of the file.
        version: of the format of its content.
        spacing_mm: isotropic spacing.
        margin_mm: kept around the lungs.
        has_label: whether it holds a label map.
    """

    path: Path
    version: int
    spacing_mm: float
    margin_mm: float
    has_label: bool


@dataclass(frozen=True)
class Manifest:
    """How the scans of a cache were prepared.

    Args:
        prepared_version: of the format of the prepared files.
        spacing_mm: isotropic spacing.
        margin_mm: kept around the lungs.
        scans: how many there are.
    """

    prepared_version: int
    spacing_mm: float
    margin_mm: float
    scans: int

    def file(self, root: Path, series_uid: str, has_label: bool) -> PreparedFile:
        """The prepared file of a series."""
        path = prepared_path(root, series_uid)
        return PreparedFile(path, self.prepared_version, self.spacing_mm, self.margin_mm, has_label)

    def write(self, root: Path) -> None:
        """Write ``cache.json``, which makes the folder a cache."""
        content: dict[str, Any] = {"format": FORMAT, "version": FORMAT_VERSION, **asdict(self)}
        write_text(root / MANIFEST, json.dumps(content, indent=1) + "\n")


def prepared_path(root: Path, series_uid: str) -> Path:
    """Where the prepared scan of a series lies."""
    return root / PREPARED / f"{series_uid}.pt"


def record_path(root: Path, series_uid: str) -> Path:
    """Where the record of a series lies."""
    return root / RECORDS / f"{series_uid}.json"


def read_manifest(root: Path) -> Manifest | None:
    """Read ``cache.json``; None where the folder has none.

    Raises:
        ValueError: it is none, or of a later version; names the file.
    """
    path = root / MANIFEST
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT or content.pop("version") != FORMAT_VERSION:
            raise ValueError("another format or version")
        return Manifest(**content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a training cache of this version ({error}); run `nodulus prepare` again"
        ) from error
