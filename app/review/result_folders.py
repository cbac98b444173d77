"""The results that are reviewed, found in their folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import Tag

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.output import SUMMARY, images_of
from nodulus.app.result import StudyResult
from nodulus.app.results.file_plan import SEG_FILE, SR_FILE
from nodulus.app.results.folder import FINDINGS_FILE

_STUDY_DATE = Tag("StudyDate")


@dataclass(frozen=True, eq=False)
class ResultFolder:
    """One study's result.

    Args:
        folder: that holds findings.json.
        result: in it.
        stamp: tells an older findings.json from a newer one.
        study_date: YYYY-MM-DD, from the DICOM objects; None where they do not say.
        images: where the images were when it was made.
    """

    folder: Path
    result: StudyResult
    stamp: tuple[int, int]
    study_date: str | None
    images: Path | None


@dataclass(frozen=True)
class ComingStudy:
    """A study that is not analysed yet.

    Args:
        name: tells nothing of the patient.
        running: whether it is being analysed; else it waits.
        step: of its analysis, empty where none is known.
        received: ISO 8601, UTC.
    """

    name: str
    running: bool
    step: str
    received: str


@dataclass(frozen=True)
class FailedStudy:
    """A study that could not be analysed.

    Args:
        name: tells nothing of the patient.
        code: of the error, as are ``message`` and ``remedy``.
        received: ISO 8601, UTC; None where that is not known.
        may_be_retried: whether it can be tried again as it lies here.
    """

    name: str
    code: str
    message: str
    remedy: str
    received: str | None = None
    may_be_retried: bool = False


def check_results(paths: Sequence[Path]) -> None:
    """Make sure that there is something to review.

    Args:
        paths: folders that ``nodulus detect`` wrote, or those of single studies in them.

    Raises:
        NodulusError: ``input-not-found``, or ``input-empty`` where one holds no result.
    """
    for path in paths:
        if not path.is_dir():
            raise NodulusError(
                ErrorCode.INPUT_NOT_FOUND,
                "There is no such folder.",
                remedy="Give the folder that nodulus detect wrote with -o.",
                subject=path,
            )
        if not any(study_folders(path)):
            raise NodulusError(
                ErrorCode.INPUT_EMPTY,
                f"No folder in it holds a {FINDINGS_FILE}.",
                remedy="Give the folder that nodulus detect wrote with -o, or one study's in it.",
                subject=path,
            )


def study_folders(path: Path) -> Iterator[Path]:
    """Give the study's own folder, or those in a folder of results, by name."""
    if (path / FINDINGS_FILE).is_file():
        yield path
        return
    for folder in sorted(path.iterdir()):
        if not folder.name.startswith(".") and (folder / FINDINGS_FILE).is_file():
            yield folder


def recorded_images(folder: Path) -> Path | None:
    """Where detect read the images of a result's folder; None where it is not known."""
    recorded = images_of(folder.parent).get(folder.name)
    return None if recorded is None else Path(recorded)


def read_folder(
    folder: Path,
    known: ResultFolder | None = None,
    images: Callable[[Path], Path | None] = recorded_images,
) -> ResultFolder | None:
    """Read a study's result; None where it is no readable one.

    Args:
        folder: of the study.
        known: as it was read before; given back where nothing has changed.
        images: gives where the images of a result's folder are.
    """
    try:
        status = (folder / FINDINGS_FILE).stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if known is not None and known.stamp == stamp:
            return known
        result = StudyResult.model_validate_json((folder / FINDINGS_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return ResultFolder(folder, result, stamp, _study_date(folder), images(folder))


def failed_studies(path: Path) -> list[FailedStudy]:
    """Give the studies that summary.json says could not be analysed.

    Args:
        path: the folder of results.
    """
    try:
        studies = json.loads((path / SUMMARY).read_text(encoding="utf-8"))["studies"]
        return [
            FailedStudy(
                Path(str(study["key"])).name,
                str(study["error"]["code"]),
                str(study["error"]["message"]),
                str(study["error"]["remedy"]),
            )
            for study in studies
            if study["error"] is not None and study["findings"] is None
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _study_date(folder: Path) -> str | None:
    for name in (SR_FILE, SEG_FILE):
        try:
            with (folder / name).open("rb") as stream:
                header = read_partial(stream, lambda tag, _vr, _length: tag > _STUDY_DATE)
            text = str(header.get("StudyDate") or "")
        except (OSError, InvalidDicomError, ValueError, EOFError):
            continue
        if len(text) == 8 and text.isdigit():
            return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return None
