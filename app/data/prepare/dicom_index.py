"""Which DICOM series lie in a folder, whatever its layout."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress
from nodulus.app.reading.dicom_file import looks_like_dicom
from nodulus.app.reading.files import is_research_format, list_files, may_be_dicom

_SERIES_UID = 0x0020000E
_MODALITY = 0x00080060
_THREADS = 4


@dataclass(frozen=True)
class IndexedSeries:
    """The files of one series.

    Args:
        series_uid: SeriesInstanceUID.
        modality: such as CT; empty where not stated.
        files: sorted by path.
    """

    series_uid: str
    modality: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class DicomIndex:
    """What a folder holds.

    Args:
        series: by series UID.
        problems: files that are DICOM by name and cannot be read.
    """

    series: dict[str, IndexedSeries]
    problems: tuple[NodulusError, ...]


def index_dicom(path: Path, progress: Progress | None = None) -> DicomIndex:
    """Find the series of every DICOM file at or under a path; only the head of each is read.

    Args:
        path: a folder of any depth, or a file.
        progress: called with (files done, files in all).

    Raises:
        NodulusError: the path does not exist, cannot be read or is empty.
    """
    listing = list_files(path)
    names = [name for name in listing.files if may_be_dicom(name) and not is_research_format(name)]
    found: dict[str, list[Path]] = defaultdict(list)
    modality: dict[str, str] = {}
    problems = list(listing.problems)
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, (name, head) in enumerate(
            zip(names, pool.map(_try_head, names), strict=True), start=1
        ):
            if isinstance(head, NodulusError):
                problems.append(head)
            elif head is not None:
                found[head[0]].append(name)
                modality.setdefault(*head)
            if progress is not None:
                progress(done, len(names))
    series = {
        uid: IndexedSeries(uid, modality[uid], tuple(sorted(files)))
        for uid, files in sorted(found.items())
    }
    return DicomIndex(series, tuple(problems))


def _try_head(path: Path) -> tuple[str, str] | NodulusError | None:
    """Series UID and modality; None for what is no DICOM object of a series."""
    from pydicom.filereader import read_partial

    try:
        with path.open("rb") as file:
            start = file.read(132)
            if not looks_like_dicom(start):
                return _unusable(path, "it is no DICOM file")
            file.seek(0)
            dataset = read_partial(
                file,
                stop_when=lambda tag, vr, length: tag > _SERIES_UID,
                force=start[128:132] != b"DICM",
                specific_tags=[_MODALITY, _SERIES_UID],
            )
            uid = str(dataset.get("SeriesInstanceUID") or "").strip()
            modality = str(dataset.get("Modality") or "").upper()
            return (uid, modality) if uid else _unusable(path, "it ends before it names its series")
    except Exception as error:  # a damaged file breaks pydicom in many ways
        return _unusable(path, type(error).__name__)


def _unusable(path: Path, why: str) -> NodulusError | None:
    """An error for what is DICOM by its name; nothing for other files, such as a DICOMDIR."""
    if path.suffix.lower() != ".dcm":
        return None
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        f"The file cannot be read ({why}).",
        remedy="Copy the file again from its source.",
        subject=path,
    )
