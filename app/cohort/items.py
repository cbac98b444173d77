"""What a cohort consists of: studies of folders, servers and object storage, paths of a table."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress

if TYPE_CHECKING:
    from nodulus.app.cohort.object_storage import StoredFiles
    from nodulus.app.reading import StudyInput

TABLES = (".csv", ".parquet")
PATH_COLUMN = "path"


class Remote(Protocol):
    """What lies on another machine; can be pickled."""

    def fetch(self, folder: Path, *, objects: bool = False) -> int:
        """Write its files into a folder that only this user may enter; tell how many.

        Args:
            folder: for the files.
            objects: whether what others have marked in the images is wanted too.
        """


@dataclass(frozen=True, eq=False)
class CohortItem:
    """A unit of work: one study, or one path that may hold several.

    Args:
        id: the same in every run and on every machine; tells nothing of the patient.
        given: how the user named it: a table's path, or the folder or server in which the study
            was found.
        study: as it was found, or None where a worker is to look.
        path: where a worker is to look.
        remote: what a worker is to fetch.
    """

    id: str
    given: str
    study: StudyInput | None = None
    path: Path | None = None
    remote: Remote | None = None


@dataclass(frozen=True, eq=False)
class Inventory:
    """What the sources hold.

    Args:
        items: each id once, sorted by it.
        problems: what could not be used, each named.
    """

    items: tuple[CohortItem, ...]
    problems: tuple[NodulusError, ...] = ()


def inventory(sources: Iterable[Path | str], progress: Progress | None = None) -> Inventory:
    """List what is to be analysed.

    The headers of a folder's files are read, since one study may lie in several folders. Rows of a
    table are left to the workers: each names a folder, a file or a zip file with whole studies.

    Args:
        sources: folders, DICOM or research files, DICOMDIRs, zip files, or tables (``.csv``,
            ``.parquet``) with a column ``path``, URLs or paths; what is relative in it is so to the
            table's folder. Or URLs of DICOMweb servers, with QIDO-RS's filters, or of object
            storage.
        progress: called with (files done, files in all), source by source.

    Raises:
        NodulusError: a source does not exist, does not answer, or is no table that can be read.
    """
    from nodulus.app.cohort.dicomweb import is_url
    from nodulus.app.cohort.object_storage import is_storage, list_storage
    from nodulus.app.reading.archive import is_archive

    items: dict[str, CohortItem] = {}
    problems: list[NodulusError] = []
    trouble: Sequence[NodulusError]
    for given in sources:
        source = Path(given)
        if is_url(str(given)):
            found, trouble = _of_server(str(given)), ()
        elif is_storage(str(given)):
            found, trouble = [_stored_item(files) for files in list_storage(str(given))], ()
        elif source.suffix.lower() in TABLES:
            found, trouble = [i for row in _rows(source) for i in _of_row(source, row)], ()
        elif source.is_file() and is_archive(source, by_itself=True):
            found, trouble = [path_item(source, str(source))], ()
        else:
            found, trouble = _below(source, progress)
        problems += trouble
        for item in found:
            if item.id not in items:
                items[item.id] = item
            elif item.id.startswith("study-"):
                problems.append(_in_two_sources(item, items[item.id]))
    return Inventory(tuple(items[key] for key in sorted(items)), tuple(problems))


def _of_server(url: str) -> list[CohortItem]:
    """The studies of a DICOMweb server that fit the filters of its URL."""
    from nodulus.app.cohort.dicomweb import search_studies

    return [
        CohortItem(f"study-{_digest(study.study_uid)}", study.url, remote=study)
        for study in search_studies(url)
    ]


def _of_row(table: Path, text: str) -> list[CohortItem]:
    """What a row of a table names: a path, something stored, or studies of a server."""
    from nodulus.app.cohort.dicomweb import is_url
    from nodulus.app.cohort.object_storage import StoredFiles, is_storage

    if is_storage(text):
        return [_stored_item(StoredFiles(text))]
    return _of_server(text) if is_url(text) else [path_item(table.parent / text, text)]


def _stored_item(files: StoredFiles) -> CohortItem:
    return CohortItem(f"path-{_digest(files.url)}", files.url, remote=files)


def path_item(path: Path, given: str) -> CohortItem:
    """Give the item of a path that a worker looks into."""
    return CohortItem(f"path-{_digest(str(path.absolute()))}", given, path=path)


def shard_of(items: Sequence[CohortItem], number: int, count: int) -> tuple[CohortItem, ...]:
    """Give the items of one shard; every item is in one of them, whatever machine asks.

    Args:
        items: of the cohort.
        number: of the shard, from 1.
        count: of shards.
    """
    return tuple(item for item in items if int(_digest(item.id), 16) % count == number - 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def _below(
    source: Path, progress: Progress | None
) -> tuple[list[CohortItem], tuple[NodulusError, ...]]:
    """The studies of a folder or file; zip files in it are items of their own."""
    from nodulus.app.reading import find_studies
    from nodulus.app.reading.archive import is_archive
    from nodulus.app.reading.files import list_files

    archives = [f for f in list_files(source).files if is_archive(f)] if source.is_dir() else []
    items = [path_item(archive, str(archive)) for archive in archives]
    try:
        found = find_studies(source, progress)
    except NodulusError as error:
        if archives and error.code is ErrorCode.NO_IMAGES:
            return items, ()
        raise
    items += [CohortItem(f"study-{s.key}", str(source), study=s) for s in found.studies]
    return items, found.problems


def _in_two_sources(item: CohortItem, first: CohortItem) -> NodulusError:
    return NodulusError(
        ErrorCode.DUPLICATE_STUDY,
        f"The study lies in two sources, and only what is in {first.given} is analysed.",
        remedy="Give a folder that holds both in place of them.",
        subject=item.given,
    )


def _rows(table: Path) -> list[str]:
    """What stands in a table's rows."""
    if not table.is_file():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND, "There is no such file.", remedy="Check the path.",
            subject=table,
        )  # fmt: skip
    try:
        given = _csv_paths(table) if table.suffix.lower() == ".csv" else _parquet_paths(table)
    except KeyError as error:
        raise _no_table(table, f"It has no column {PATH_COLUMN!r}.") from error
    except (OSError, ValueError, csv.Error) as error:
        raise _no_table(table, f"It cannot be read as a table ({type(error).__name__}).") from error
    if not given:
        raise _no_table(table, "It names no path.")
    return given


def _csv_paths(table: Path) -> list[str]:
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        if PATH_COLUMN not in (rows.fieldnames or ()):
            raise KeyError(PATH_COLUMN)
        return [text for row in rows if (text := (row[PATH_COLUMN] or "").strip())]


def _parquet_paths(table: Path) -> list[str]:
    from nodulus.app.cohort.packages import pyarrow_parquet

    column = pyarrow_parquet().read_table(table, columns=[PATH_COLUMN])
    return [str(text) for text in column[PATH_COLUMN].to_pylist() if text]


def _no_table(table: Path, message: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        message,
        remedy=f"Give a CSV or Parquet file with a column {PATH_COLUMN!r}, one study a row.",
        subject=table,
    )
