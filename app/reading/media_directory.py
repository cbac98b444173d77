"""The files that a DICOMDIR refers to (DICOM PS3.3 F.5, PS3.10 8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.message_words import abbreviated, count

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"


def is_media_directory(path: Path) -> bool:
    """Whether a file is a DICOMDIR, whatever its name."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        return str(meta.get("MediaStorageSOPClassUID", "")) == MEDIA_DIRECTORY
    except (OSError, InvalidDicomError, EOFError, ValueError):
        return False


def referenced_files(path: Path) -> tuple[list[Path], list[NodulusError]]:
    """Find the files of a DICOMDIR beside it.

    pydicom's FileSet is stricter than the media that are in use: it wants every record to be
    whole, and names as they are written. Here a record is used if it names a file; a file is
    also found where the medium was copied with its names in lower case.

    Args:
        path: the DICOMDIR.

    Returns:
        The files that are there, and what is wrong: ``truncated-file`` where a record is
        missing, ``input-not-found`` for the files that are not there.

    Raises:
        NodulusError: ``truncated-file``: it cannot be read; ``no-images``: it names no file;
            ``input-not-found``: none of its files is there.
    """
    import pydicom

    try:
        records = list(pydicom.dcmread(path).get("DirectoryRecordSequence") or [])
        names = [_file_id(record) for record in records]
        is_whole = _points_to(records) <= {record.seq_item_tell for record in records}
    except Exception as error:  # a damaged file breaks pydicom in many ways
        raise _damaged(path) from error
    wanted = list(dict.fromkeys(name for name in names if name))
    if not wanted:
        raise NodulusError(
            ErrorCode.NO_IMAGES,
            "The DICOMDIR refers to no file.",
            remedy="Give the folder instead.",
            subject=path,
        )
    listings: dict[Path, dict[str, str]] = {}
    found = {name: _find(path.parent, name, listings) for name in wanted}
    missing = ["/".join(name) for name, file in found.items() if file is None]
    problems = [] if is_whole else [_damaged(path)]
    if missing:
        problems.append(
            NodulusError(
                ErrorCode.INPUT_NOT_FOUND,
                f"{count(len(missing), 'file')} of {len(wanted):,} that the DICOMDIR refers to "
                f"cannot be found below its folder: {abbreviated(missing)}.",
                remedy="Copy the whole medium again.",
                subject=path,
            )
        )
    files = [file for file in found.values() if file is not None]
    if not files:
        raise problems[-1]
    return files, problems


def _points_to(records: list[Any]) -> set[int]:
    """The places of the records that records say come next, or below them."""
    keywords = ("OffsetOfTheNextDirectoryRecord", "OffsetOfReferencedLowerLevelDirectoryEntity")
    return {int(record.get(k) or 0) for record in records for k in keywords} - {0}


def _damaged(path: Path) -> NodulusError:
    return NodulusError(
        ErrorCode.TRUNCATED_FILE,
        "The DICOMDIR is damaged or cut off.",
        remedy="Copy it again from its source, or give the folder instead.",
        subject=path,
    )


def _file_id(record: Any) -> tuple[str, ...]:
    value = record.get("ReferencedFileID") or ()
    parts = (value,) if isinstance(value, str) else tuple(value)
    return tuple(str(part).strip() for part in parts)


def _find(folder: Path, parts: tuple[str, ...], seen: dict[Path, dict[str, str]]) -> Path | None:
    """Follow a file ID from the DICOMDIR's folder down, never up."""
    place = folder
    for part in parts:
        if place not in seen:
            try:
                seen[place] = {p.name.lower(): p.name for p in sorted(place.iterdir())}
            except OSError:
                seen[place] = {}
        name = part if (place / part).exists() else seen[place].get(part.lower())
        if name is None or part in ("", ".", "..") or "/" in part or "\\" in part:
            return None
        place /= name
    return place if place.is_file() else None
