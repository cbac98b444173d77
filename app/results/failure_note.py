"""A note in a study that could not be analysed: a DICOM Secondary Capture of words (PS3.3 A.8).

Without it a reader who opens the study sees nothing of Nodulus, as if it had found nothing. A
picture is what every archive takes and every viewer shows.
"""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
from pydicom import Dataset, dcmread

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.dicom_file import read_headers
from nodulus.app.reading.files import FAILURE_NOTE_FILE, NOT_ANALYSED
from nodulus.app.reading.identity import is_same_person
from nodulus.app.reading.uids import is_uid
from nodulus.app.result import ModelInfo, OperatingPoint, StudyResult
from nodulus.app.results.failure_words import explain_failure
from nodulus.app.results.folder import replaced_folder
from nodulus.app.results.source_header import TAGS, image_header, patient_and_study
from nodulus.app.results.warning_filter import without_identity_in_warnings

if TYPE_CHECKING:
    from PIL import Image

    from nodulus.app.reading import StudyInput
    from nodulus.app.reading.slice_header import SliceHeader

logger = logging.getLogger("nodulus")

TITLE = "NOT ANALYSED"
NOT_NEGATIVE = (
    "Nodulus could not analyse this study. This is NOT a negative result: nothing is known about"
    " nodules from this attempt. The images must be read without it."
)
OTHER_RESULTS = "This note says nothing of earlier or later results of Nodulus in this study."
NO_STUDY = "no header could be read, so that neither study nor patient is known"

_WIDTH, _MARGIN, _GAP = 1024, 40, 14
_TITLE_SIZE, _TEXT_SIZE = 48, 22
_INK, _PAPER, _WARN = (240, 240, 240), (0, 0, 0), (255, 190, 60)
_LONGEST = 1500
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class FailureNote:
    """What became of the note about a study that could not be analysed.

    Args:
        path: where it is; None where there is none.
        left_out: why there is none.
    """

    path: Path | None = None
    left_out: str | None = None


@dataclass(frozen=True)
class _Software:
    """Who made the object; no network took part in it."""

    nodulus_version: str
    models: tuple[ModelInfo, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()


def note_folder(folder: Path) -> Path:
    """Give the folder of a study's note, beside that of its result.

    Args:
        folder: of the result, such as ``OUT/<study UID>``.
    """
    return folder.with_name(folder.name + NOT_ANALYSED)


def note_lines(error: NodulusError, made: datetime, *, deidentified: bool) -> tuple[str, ...]:
    """Give what the note says below its title.

    Which file or folder the error is about is left out: it names this machine, not the study.

    Args:
        error: why the study could not be analysed.
        made: when that was.
        deidentified: then neither the cause, which may quote the images, nor the time is told.
    """
    software = StudyResult.model_fields["disclaimer"].default
    lines = [NOT_NEGATIVE, f"Error code: {error.code.value}"]
    if not deidentified:
        lines.append(f"Cause: {_shortened(error.message)}")
    lines.append(f"What can be done: {_shortened(error.remedy)}")
    lines.append(f"Nodulus {metadata.version('nodulus')}. {software}")
    when = "" if deidentified else f"Attempt of {made:%Y-%m-%d %H:%M}. "
    lines.append(when + OTHER_RESULTS)
    return tuple(lines)


def note_picture(lines: tuple[str, ...]) -> Image.Image:
    """Write the title and lines on a picture.

    Args:
        lines: from `note_lines`; each is broken where it is too long.

    Returns:
        RGB, 1024 pixels wide; nothing in it tells who the patient is.
    """
    from PIL import Image, ImageDraw

    from nodulus.app.results.drawing import font

    wrapped = [_wrapped(line) for line in lines]
    step = round(_TEXT_SIZE * 1.35)
    height = 2 * _MARGIN + 2 * _TITLE_SIZE + sum(len(rows) * step + _GAP for rows in wrapped)
    sheet = Image.new("RGB", (_WIDTH, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), TITLE, fill=_WARN, font=font(_TITLE_SIZE))
    y = _MARGIN + 2 * _TITLE_SIZE
    for rows in wrapped:
        for row in rows:
            draw.text((_MARGIN, y), row, fill=_INK, font=font(_TEXT_SIZE))
            y += step
        y += _GAP
    return sheet


def build_failure_note(source: Dataset, lines: tuple[str, ...]) -> Dataset:
    """Make the note as a DICOM object.

    Args:
        source: the header of an image of the study (`image_header`); patient and study are
            copied from it.
        lines: from `note_lines`; they are also in ImageComments, for programs.

    Returns:
        The data set, ready to be saved; its UIDs are new.
    """
    import highdicom as hd

    from nodulus.app.results import dicom_series as derived

    series = derived.NOT_ANALYSED
    image: Dataset = hd.sc.SCImage.from_ref_dataset(
        source,
        pixel_array=np.asarray(note_picture(lines)),
        photometric_interpretation=hd.PhotometricInterpretationValues.RGB,
        bits_allocated=8,
        coordinate_system=hd.CoordinateSystemNames.PATIENT,
        patient_orientation=("L", "P"),
        instance_number=1,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        **derived.common(
            series,
            _Software(metadata.version("nodulus")),
            derived.object_uids(uuid4(), series),
        ),
    )
    image.ConversionType = hd.sc.ConversionTypeValues.WSD.value
    image["PatientOrientation"].value = None  # words have none
    image.Laterality = ""  # of what the images show, which is not known
    image.BurnedInAnnotation = "NO"
    image.ImageComments = "\r\n".join((TITLE, *lines))
    return image


def write_failure_note(
    folder: Path, study: StudyInput, error: NodulusError, *, deidentified: bool
) -> FailureNote:
    """Write the note about a study beside the place of its result, which stays as it is.

    Whose study it is comes from the header of one of its images. There is no note where no header
    tells it, or where the study holds images of several patients.

    Args:
        folder: of the study's result, such as ``OUT/<study UID>``; the note goes to
            ``OUT/<study UID>~not-analysed/failure_note.dcm`` and replaces an earlier one.
        study: that could not be analysed.
        error: why not.
        deidentified: whether the note is de-identified.
    """
    header = study.named_by
    reason = _why_none(study)
    if header is None or reason is not None:
        return FailureNote(left_out=reason)
    place = note_folder(folder)
    if not deidentified and _is_of_another(place, header):
        return FailureNote(left_out="a note about another patient has its place")
    try:
        with without_identity_in_warnings():
            content = _encoded_note(header, error, deidentified=deidentified)
        with replaced_folder(place, known_by=FAILURE_NOTE_FILE) as staged:
            (staged.part / FAILURE_NOTE_FILE).write_bytes(content)
    except Exception as failure:  # why the study was not analysed matters more
        return FailureNote(left_out=explain_failure(failure))
    return FailureNote(place / FAILURE_NOTE_FILE)


def remove_failure_note(folder: Path, study: StudyInput) -> None:
    """Remove the note about a study that could be analysed now; only ever that one.

    Args:
        folder: of the study's result.
        study: that was analysed.
    """
    place = note_folder(folder)
    if not (place / FAILURE_NOTE_FILE).is_file() or study.named_by is None:
        return
    if not _is_of_another(place, study.named_by):
        shutil.rmtree(place, ignore_errors=True)


def _why_none(study: StudyInput) -> str | None:
    """Why no note can belong to the study, None where one can."""
    if study.patients > 1:
        return f"the study holds images of {study.patients} patients under one StudyInstanceUID"
    if study.named_by is None:
        return "the source is not DICOM"
    if not is_uid(study.named_by.study_uid):
        return "the images' StudyInstanceUID is no UID"
    return None


def _is_of_another(place: Path, header: SliceHeader) -> bool:
    """Whether the note that is there is about another patient or study, or cannot be read."""
    path = place / FAILURE_NOTE_FILE
    if not path.is_file():
        return False
    try:
        (earlier,) = read_headers(path)
    except (NodulusError, ValueError):
        return True
    return earlier.study_uid != header.study_uid or not is_same_person(
        earlier.identity_digests, header.identity_digests
    )


def _encoded_note(header: SliceHeader, error: NodulusError, *, deidentified: bool) -> bytes:
    """The note's file.

    Raises:
        NodulusError: ``input-not-readable``: the image that names the study has gone, or is
            another one now.
    """
    from nodulus.app.results.encode import encode_object

    again = read_headers(header.path)
    if not again or _named(again[0]) != _named(header):
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            "The source image is another one than when it was first read.",
            remedy="Keep the input unchanged until the results are written, and run again.",
            subject=header.path,
        )
    raw = dcmread(header.path, stop_before_pixels=True, force=True, specific_tags=list(TAGS))
    patient = patient_and_study([raw])
    name, patient.PatientName = patient.PatientName, ""
    lines = note_lines(error, datetime.now(), deidentified=deidentified)
    made = build_failure_note(image_header(header, raw, patient), lines)
    return encode_object(made, name, deidentified=deidentified)


def _named(header: SliceHeader) -> tuple[object, ...]:
    return header.sop_instance_uid, header.study_uid, header.identity_digests


def _shortened(text: str) -> str:
    plain = _CONTROL.sub(" ", text).strip()
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def _wrapped(text: str) -> list[str]:
    """The text in rows that fit between the margins; a word that is longer is broken."""
    from nodulus.app.results.drawing import font

    width, letters = _WIDTH - 2 * _MARGIN, font(_TEXT_SIZE)
    rows = [""]
    for word in text.split():
        longer = f"{rows[-1]} {word}".strip()
        if letters.getlength(longer) <= width:
            rows[-1] = longer
            continue
        if rows[-1]:
            rows.append("")
        for letter in word:
            if letters.getlength(rows[-1] + letter) > width:
                rows.append("")
            rows[-1] += letter
    return rows
