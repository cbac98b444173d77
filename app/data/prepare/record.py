"""What the cache remembers of each scan: where it came from and what is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.bundles.common.atomic_files import sha256, write_text
from nodulus.bundles.common.data.cache_folder import RECORDS, prepared_path, record_path
from nodulus.bundles.common.data.prepared import CACHE_VERSION
from nodulus.transforms.lung_margin import LUNG_MARGIN_MM

Row = dict[str, Any]


@dataclass(frozen=True)
class CacheSettings:
    """How scans are prepared.

    Args:
        spacing_mm: isotropic spacing.
        margin_mm: kept around the lungs.
    """

    spacing_mm: float = 1.0
    margin_mm: float = LUNG_MARGIN_MM

    def key(self, scan: TrainingScan) -> str:
        """Checksum of all that decides the prepared file beside the content of the sources."""
        places = [(n.center_lps_mm, n.diameter_mm, n.label, n.lidc_nodule) for n in scan.nodules]
        holes = [(f.center_lps_mm, f.diameter_mm) for f in scan.excluded]
        parts = (CACHE_VERSION, self.spacing_mm, self.margin_mm, scan.recipe, places, holes)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class SourceFile:
    """One file that a scan was read from.

    Args:
        path: where it lay.
        size: in bytes.
        mtime_ns: time of its latest change.
        sha256: of its content.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path, known: SourceFile | None = None) -> SourceFile:
        """Look at a file.

        Args:
            path: the file.
            known: what it was like earlier; where size and time of change are the same, its
                content is taken to be.
        """
        status = path.stat()
        stamp = (str(path.absolute()), status.st_size, status.st_mtime_ns)
        if known is not None and stamp == (known.path, known.size, known.mtime_ns):
            return known
        return cls(*stamp, sha256(path))


@dataclass(frozen=True)
class Record:
    """One prepared scan.

    Args:
        series_uid: of the scan.
        settings: how it was prepared.
        version: of the format of the prepared file.
        key: see :meth:`CacheSettings.key`.
        sources: the files that it was read from.
        prepared_bytes: size of the prepared file.
        prepared_sha256: checksum of the prepared file.
        study: its row of studies.csv.
        nodules: its rows of nodules.csv.
        candidates: its rows of candidates.csv.
        excluded: its rows of excluded.csv.
        problems: what was found wrong while it was prepared.
    """

    series_uid: str
    settings: CacheSettings
    version: int
    key: str
    sources: tuple[SourceFile, ...]
    prepared_bytes: int
    prepared_sha256: str
    study: Row
    nodules: tuple[Row, ...]
    candidates: tuple[Row, ...]
    excluded: tuple[Row, ...]
    problems: tuple[Problem, ...]

    def write(self, root: Path) -> None:
        """Write it into a cache."""
        content = asdict(self)
        content["candidates"] = _compact(self.candidates)
        content["excluded"] = _compact(self.excluded)
        write_text(record_path(root, self.series_uid), json.dumps(content, default=str))


def _compact(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows of one table as its columns and their values."""
    columns = list(rows[0]) if rows else []
    return {"columns": columns, "values": [[row[c] for c in columns] for row in rows]}


def _rows(table: Mapping[str, Any]) -> tuple[Row, ...]:
    return tuple(dict(zip(table["columns"], row, strict=True)) for row in table["values"])


def _problem(content: Mapping[str, Any]) -> Problem:
    path = content["path"]
    return Problem(
        ProblemKind(content["kind"]),
        content["message"],
        None if path is None else Path(path),
        content["row"],
        content["series_uid"],
    )


def read_record(path: Path) -> Record | None:
    """Read a record; None where there is none that can be used."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Record(
            **{
                **content,
                "settings": CacheSettings(**content["settings"]),
                "sources": tuple(SourceFile(**source) for source in content["sources"]),
                "nodules": tuple(content["nodules"]),
                "candidates": _rows(content["candidates"]),
                "excluded": _rows(content["excluded"]),
                "problems": tuple(_problem(problem) for problem in content["problems"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_records(root: Path) -> dict[str, Record]:
    """Read every record of a cache, by series UID."""
    records = (read_record(path) for path in sorted((root / RECORDS).glob("[!.]*.json")))
    return {record.series_uid: record for record in records if record is not None}


def stat_files(files: Iterable[Path], record: Record | None = None) -> tuple[SourceFile, ...]:
    """Look at the files of a scan, hashing those that may have changed since the record."""
    known = {source.path: source for source in record.sources} if record else {}
    return tuple(SourceFile.of(path, known.get(str(path.absolute()))) for path in files)


def is_current(
    record: Record | None,
    sources: Sequence[SourceFile],
    key: str,
    root: Path,
    *,
    verify: bool = False,
) -> bool:
    """Whether the prepared file is still right: same settings, same content of the sources.

    Args:
        record: what is remembered of the scan.
        sources: the files that it would be read from now.
        key: see :meth:`CacheSettings.key`.
        root: the cache.
        verify: compare the prepared file's checksum too, not only its size.
    """
    if record is None or record.key != key:
        return False
    if [source.sha256 for source in sources] != [source.sha256 for source in record.sources]:
        return False
    path = prepared_path(root, record.series_uid)
    if not path.is_file() or path.stat().st_size != record.prepared_bytes:
        return False
    return not verify or sha256(path) == record.prepared_sha256
