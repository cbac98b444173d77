"""A DICOMDIR stands for the files that it names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies

from .dicom_factory import body_hu, write_series


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A file set as it is burnt on a CD, with a stray series that it does not refer to."""
    file_set = FileSet()

    def edit(dataset, index: int) -> None:  # type: ignore[no-untyped-def]
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200102", "101500", "1"

    for path in write_series(tmp_path / "ct", body_hu(), edit=edit):
        file_set.add(path)
    file_set.write(tmp_path / "cd")
    write_series(tmp_path / "cd" / "STRAY", body_hu(), study="stray")
    return tmp_path / "cd"


def test_a_dicomdir_stands_for_what_it_refers_to(medium: Path) -> None:
    found = find_studies(medium / "DICOMDIR")
    (study,) = found.studies
    assert found.problems == ()
    expected = find_studies(medium.parent / "ct").studies[0].load()
    np.testing.assert_array_equal(study.load().hu, expected.hu)
    assert len(find_studies(medium).studies) == 2


def test_missing_files_are_named_and_the_rest_is_read(medium: Path) -> None:
    gone = next(
        path for path in sorted(medium.rglob("*")) if path.is_file() and "DIR" not in path.name
    )
    gone.unlink()
    found = find_studies(medium / "DICOMDIR")
    (problem,) = found.problems
    assert problem.code is ErrorCode.INPUT_NOT_FOUND
    assert "1 file of 40" in problem.message
    assert gone.relative_to(medium).as_posix() in problem.message
    assert len(found.studies) == 1


def test_a_medium_in_lower_case_is_found(medium: Path, tmp_path: Path) -> None:
    for path in sorted(medium.rglob("*")):
        if path.is_file() and "STRAY" not in path.parts:
            copy = tmp_path / "copy" / str(path.relative_to(medium)).lower()
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    found = find_studies(tmp_path / "copy" / "dicomdir")
    assert len(found.studies) == 1
    assert found.problems == ()


def change(medium: Path, file_id: object) -> Path:
    path = medium / "DICOMDIR"
    directory = dcmread(path)
    for record in directory.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = file_id
    directory.save_as(path)
    return path


@pytest.mark.parametrize("file_id", [["..", "ct", "x"], "../ct/x", ["NONE"]])
def test_nothing_outside_the_medium_is_read(medium: Path, tmp_path: Path, file_id: object) -> None:
    shutil.copy(next((tmp_path / "ct").iterdir()), tmp_path / "ct" / "x")
    with pytest.raises(NodulusError) as caught:
        find_studies(change(medium, file_id))
    assert caught.value.code is ErrorCode.INPUT_NOT_FOUND


def test_a_dicomdir_without_files_or_cut_off_is_refused(medium: Path) -> None:
    path = medium / "DICOMDIR"
    whole = path.read_bytes()
    with pytest.raises(NodulusError) as caught:
        find_studies(change(medium, None))
    assert caught.value.code is ErrorCode.NO_IMAGES
    path.write_bytes(whole[: len(whole) // 2])
    found = find_studies(path)  # some of the slices
    assert found.problems[0].code is ErrorCode.TRUNCATED_FILE
