"""The note in a study that could not be analysed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.output import OutputFolder
from nodulus.app.reading import StudyInput, find_studies
from nodulus.app.results.failure_note import (
    NOT_NEGATIVE,
    TITLE,
    note_lines,
    note_picture,
    remove_failure_note,
    write_failure_note,
)
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.run import StudyOutcome, run_all
from tests.app.reading.dicom_factory import body_hu, write_series

from .others import validate
from .synthetic import result_for, write_multiframe
from .synthetic import two_labels as labels_of
from .synthetic import write_series as write_chest

ERROR = NodulusError(
    ErrorCode.NO_LUNGS,
    "no lungs were found in 40 slices.",
    remedy="Give a chest CT.",
    subject="/home/Never^Shown/ct",
)
NOTED = OutputOptions(report=False, failure_note=True)


def of_patient(name: str, number: str) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, _index: int) -> None:
        dataset.PatientName, dataset.PatientID = name, number
        dataset.AccessionNumber, dataset.StudyDate = f"A{number}", "20250102"

    return edit


def few(folder: Path, study: str = "few", edit: Any = None, prefix: str = "") -> None:
    """A study with too few slices, of Doe^Jane unless said otherwise."""
    edit = edit or of_patient("Doe^Jane", "77")
    write_series(folder, body_hu((4, 24, 20)), study=study, series=prefix + study, edit=edit,
                 prefix=prefix)  # fmt: skip


def run(source: Path, out: Path, options: OutputOptions = NOTED) -> tuple[StudyOutcome, ...]:
    """Studies that fail before any network is asked."""
    nothing: Any = None
    return run_all(find_studies(source), OutputFolder(out, source), nothing, nothing, options)


def test_the_note_is_a_valid_object_of_that_study_and_patient(tmp_path: Path) -> None:
    few(tmp_path / "ct")
    (outcome,) = run(tmp_path / "ct", tmp_path / "out")
    source = dcmread(next((tmp_path / "ct").iterdir()))
    assert outcome.note is not None
    path = tmp_path / "out" / f"{source.StudyInstanceUID}~not-analysed" / "failure_note.dcm"
    assert outcome.note.path == path
    validate(path)
    note = dcmread(path)
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate",
                    "AccessionNumber", "StudyDate"):  # fmt: skip
        assert note.get(keyword, "") == source.get(keyword, ""), keyword
    assert note.PatientName == "Doe^Jane"
    assert note.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert note.SeriesInstanceUID != source.SeriesInstanceUID
    assert "NOT ANALYSED" in note.SeriesDescription
    assert note.Manufacturer == "Nodulus"
    words = note.ImageComments
    assert words.startswith(TITLE)
    assert outcome.error is not None
    for said in (NOT_NEGATIVE, "too-few-slices", outcome.error.message, outcome.error.remedy,
                 note.SoftwareVersions):  # fmt: skip
        assert said in words
    assert "Doe" not in words
    assert str(tmp_path) not in words
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (entry,) = summary["studies"]
    assert entry["failure_note"] == f"{path.parent.name}/{path.name}"
    assert (entry["findings"], entry["failure_note_left_out"]) == (None, None)


def test_the_picture_shows_every_line_and_grows_with_it() -> None:
    lines = note_lines(ERROR, datetime(2026, 1, 2, 3, 4), deidentified=False)
    assert "Error code: no-lungs" in lines
    assert "Cause: no lungs were found in 40 slices." in lines
    assert "What can be done: Give a chest CT." in lines
    assert "2026-01-02 03:04" in lines[-1]
    assert not any("Never" in line for line in lines)
    pixels = np.asarray(note_picture(lines))
    for shorter in (lines[:-1], lines[:1]):
        part = np.asarray(note_picture(shorter))
        assert part.shape[0] < pixels.shape[0]
        rows = part.shape[0] - 40  # above the lower margin the same is drawn
        assert np.array_equal(pixels[:rows], part[:rows])
        assert pixels[rows:].any()
    margin = 40
    long = replace_message("x" * 9000)
    wide = np.asarray(note_picture(note_lines(long, datetime.now(), deidentified=False)))
    assert not wide[:, -margin:].any()
    assert wide.shape[1] == pixels.shape[1]
    assert wide.shape[0] < 3000


def replace_message(message: str) -> NodulusError:
    return NodulusError(ERROR.code, message, remedy=ERROR.remedy)


def test_each_of_two_studies_has_the_note_of_its_own_patient(tmp_path: Path) -> None:
    few(tmp_path / "in", "one", of_patient("Doe^Jane", "77"))
    few(tmp_path / "in", "two", of_patient("Roe^Richard", "88"))
    outcomes = run(tmp_path / "in", tmp_path / "out")
    found = {}
    for outcome in outcomes:
        assert outcome.note is not None
        assert outcome.note.path is not None
        note = dcmread(outcome.note.path)
        assert note.StudyInstanceUID == outcome.study.key
        found[str(note.PatientName)] = (note.PatientID, note.AccessionNumber)
    assert found == {"Doe^Jane": ("77", "A77"), "Roe^Richard": ("88", "A88")}


def test_a_study_of_two_patients_has_none_and_that_is_said(tmp_path: Path) -> None:
    few(tmp_path / "in", "one", of_patient("Doe^Jane", "77"), "a")
    few(tmp_path / "in", "one", of_patient("Roe^Richard", "88"), "b")
    outcomes = run(tmp_path / "in", tmp_path / "out")
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.note is not None
        assert outcome.note.path is None
        assert "2 patients" in str(outcome.note.left_out)
    assert list((tmp_path / "out").rglob("*.dcm")) == []
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert all("2 patients" in s["failure_note_left_out"] for s in summary["studies"])


def test_without_the_option_or_a_dicom_header_there_is_none(tmp_path: Path) -> None:
    few(tmp_path / "ct")
    (outcome,) = run(tmp_path / "ct", tmp_path / "plain", OutputOptions())
    assert outcome.note is None
    assert list((tmp_path / "plain").rglob("*.dcm")) == []
    (tmp_path / "volume.nii").write_bytes(b"torn")
    (outcome,) = run(tmp_path / "volume.nii", tmp_path / "out")
    assert outcome.note is not None
    assert (outcome.note.path, outcome.note.left_out) == (None, "the source is not DICOM")


def test_a_study_uid_that_is_none_has_no_note(tmp_path: Path) -> None:
    def edit(dataset: Dataset, _index: int) -> None:
        dataset.StudyInstanceUID = "ours"

    few(tmp_path / "ct", edit=edit)
    (outcome,) = run(tmp_path / "ct", tmp_path / "out")
    assert outcome.note is not None
    assert "no UID" in str(outcome.note.left_out)
    assert list((tmp_path / "out").rglob("*.dcm")) == []


def study_of(folder: Path) -> StudyInput:
    (study,) = find_studies(folder).studies
    return study


def test_an_earlier_result_stays_and_a_later_one_removes_the_note(tmp_path: Path) -> None:
    volume = write_chest(tmp_path / "ct")
    study = study_of(tmp_path / "ct")
    place = tmp_path / "out" / study.key
    labels = labels_of()
    write_results(place, volume, labels, result_for(volume, labels), options=OutputOptions())
    before = {path: path.read_bytes() for path in place.iterdir()}
    (outcome,) = run_all_failing(study, tmp_path / "out")
    assert outcome.note is not None
    assert outcome.note.path is not None
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["studies"][0]["earlier_result"] is not None
    # Neither the note nor the result is taken for input.
    assert find_studies_of(tmp_path / "out") == []
    remove_failure_note(place, study)
    assert not outcome.note.path.parent.exists()
    assert {path: path.read_bytes() for path in place.iterdir()} == before


def run_all_failing(study: StudyInput, out: Path) -> tuple[StudyOutcome, ...]:
    from nodulus.app.reading import Discovery

    nothing: Any = None
    found = Discovery((replace(study, error=ERROR),), ())
    return run_all(found, OutputFolder(out), nothing, nothing, NOTED)


def find_studies_of(folder: Path) -> list[str]:
    from nodulus.app.reading.files import list_files

    return [path.name for path in list_files(folder).files if path.suffix == ".dcm"]


def test_a_note_about_another_patient_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    few(tmp_path / "jane")
    few(tmp_path / "richard", edit=of_patient("Roe^Richard", "88"))
    (jane,) = run(tmp_path / "jane", tmp_path / "out")
    assert jane.note is not None
    assert jane.note.path is not None
    before = jane.note.path.read_bytes()
    (richard,) = run(tmp_path / "richard", tmp_path / "out")
    assert richard.note is not None
    assert "another patient" in str(richard.note.left_out)
    remove_failure_note(tmp_path / "out" / richard.study.key, richard.study)
    assert jane.note.path.read_bytes() == before
    (again,) = run(tmp_path / "jane", tmp_path / "out")
    assert again.note is not None
    assert again.note.path == jane.note.path
    assert jane.note.path.read_bytes() != before  # a new object with new UIDs


def test_an_image_that_changed_since_gives_no_note(tmp_path: Path) -> None:
    few(tmp_path / "ct")
    study = study_of(tmp_path / "ct")
    few(tmp_path / "ct", edit=of_patient("Roe^Richard", "88"))
    note = write_failure_note(tmp_path / "out", study, ERROR, deidentified=False)
    assert note.path is None
    assert note.left_out == "The source image is another one than when it was first read"
    for path in (tmp_path / "ct").iterdir():
        path.unlink()
    gone = write_failure_note(tmp_path / "out", study, ERROR, deidentified=False)
    assert gone.path is None
    assert "cannot be read" in str(gone.left_out)
    assert list(tmp_path.rglob("failure_note.dcm")) == []


def test_frames_of_one_file_and_objects_that_are_no_images_have_a_note(tmp_path: Path) -> None:
    write_multiframe(tmp_path / "frames")
    frames = study_of(tmp_path / "frames")
    assert frames.named_by is not None
    note = write_failure_note(tmp_path / "out", frames, ERROR, deidentified=False)
    assert note.path is not None, note.left_out
    validate(note.path)
    few(tmp_path / "ct")

    source = dcmread(next((tmp_path / "ct").iterdir()))
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
                    "PixelRepresentation", "SamplesPerPixel",
                    "PhotometricInterpretation"):  # fmt: skip
        source.pop(keyword, None)
    source.Modality, source.SOPClassUID = "SR", "1.2.840.10008.5.1.4.1.1.88.34"
    source.file_meta.MediaStorageSOPClassUID = source.SOPClassUID
    (tmp_path / "sr").mkdir()
    source.save_as(tmp_path / "sr" / "sr.dcm", enforce_file_format=True)
    (outcome,) = run(tmp_path / "sr", tmp_path / "out of sr")
    assert outcome.note is not None
    assert outcome.note.path is not None, outcome.note.left_out
    validate(outcome.note.path)
    assert dcmread(outcome.note.path).PatientName == "Doe^Jane"


@pytest.mark.parametrize("name", ["Yamada^Tarou=山田^太郎=やまだ^たろう", "Буряк^Анна", ""])
def test_a_name_in_any_writing_or_none_is_repeated(tmp_path: Path, name: str) -> None:
    def edit(dataset: Dataset, _index: int) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName = name

    few(tmp_path / "ct", edit=edit)
    (outcome,) = run(tmp_path / "ct", tmp_path / "out")
    assert outcome.note is not None
    assert outcome.note.path is not None, outcome.note.left_out
    validate(outcome.note.path)
    assert str(dcmread(outcome.note.path).PatientName) == name


def test_a_de_identified_note_tells_no_identity(tmp_path: Path) -> None:
    pytest.importorskip("dicomanonymizer")
    few(tmp_path / "ct")
    source = dcmread(next((tmp_path / "ct").iterdir()))
    (outcome,) = run(tmp_path / "ct", tmp_path / "out", replace(NOTED, deidentify=True))
    assert outcome.note is not None
    assert outcome.note.path is not None
    validate(outcome.note.path)
    note = dcmread(outcome.note.path)
    assert note.StudyInstanceUID == outcome.study.key != source.StudyInstanceUID
    assert note.PatientIdentityRemoved == "YES"
    assert note.PatientName != source.PatientName
    assert note.PatientID != source.PatientID
    raw = outcome.note.path.read_bytes()
    for hidden in (b"Doe", b"A77", b"20250102", str(source.StudyInstanceUID).encode()):
        assert hidden not in raw
    assert outcome.error is not None
    assert "too-few-slices" in note.ImageComments
    assert outcome.error.remedy in note.ImageComments
    assert outcome.error.message not in note.ImageComments
