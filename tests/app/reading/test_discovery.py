"""Studies are found in any folder; what cannot be read is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies, load_volume

from .dicom_factory import body_hu, save, uid, write_series


def code_of(path: Path) -> ErrorCode:
    with pytest.raises(NodulusError) as caught:
        find_studies(path)
    return caught.value.code


def test_nested_mixed_folder_gives_every_study(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path / "a" / "b", hu, study="one", series="s1")
    write_series(tmp_path / "a", hu + 1, study="two", series="s2")
    write_series(tmp_path / "a" / "b", hu, study="one", series="short", keep=[0, 1, 2, 3])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "a" / "README").write_text("no image at all, but no suffix either")
    (tmp_path / "a" / ".hidden").write_bytes(b"")
    seen: list[tuple[int, int]] = []
    found = find_studies(tmp_path, lambda done, total: seen.append((done, total)))
    assert {study.key for study in found.studies} == {uid("one"), uid("two")}
    assert found.problems == ()
    assert found.ignored == 2
    assert seen[-1][0] == seen[-1][1] == 40 + 40 + 4 + 1
    one = next(study for study in found.studies if study.key == uid("one"))
    assert [choice.chosen for choice in one.considered] == [True, False]
    assert "4 images" in one.considered[1].reason
    steps: list[tuple[int, int]] = []
    volume = one.load(lambda done, total: steps.append((done, total)))
    assert np.array_equal(volume.hu, hu)
    assert steps[-1] == (40, 40)
    assert volume.study_uid == uid("one")
    assert volume.facts.kvp == 120.0
    assert volume.is_source_grid
    assert volume.warnings == ()


def test_files_without_suffix_and_without_preamble(tmp_path: Path) -> None:
    hu = body_hu()
    for k, path in enumerate(write_series(tmp_path, hu)):
        dataset = pydicom.dcmread(path)
        path.unlink()
        del dataset.file_meta
        dataset.preamble = None
        pydicom.dcmwrite(
            tmp_path / f"IM{k:03d}",
            dataset,
            enforce_file_format=False,
            implicit_vr=bool(k % 2),
            little_endian=True,
        )
    assert np.array_equal(load_volume(tmp_path).hu, hu)


def test_input_that_is_not_there_or_empty(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nowhere") is ErrorCode.INPUT_NOT_FOUND
    assert code_of(tmp_path) is ErrorCode.INPUT_EMPTY
    (tmp_path / "sub").mkdir()
    assert code_of(tmp_path) is ErrorCode.INPUT_EMPTY
    (tmp_path / "sub" / "text").write_text("just a file of text, long enough to look into" * 9)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + bytes(500))
    assert code_of(tmp_path) is ErrorCode.NO_IMAGES
    assert code_of(tmp_path / "picture.png") is ErrorCode.NO_IMAGES


def test_broken_files_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    paths = write_series(tmp_path, body_hu())
    whole = paths[20].read_bytes()
    paths[20].write_bytes(whole[: len(whole) - 300])
    (tmp_path / "zero.dcm").write_bytes(b"")
    (tmp_path / "junk.dcm").write_bytes(b"not dicom" * 50)
    (tmp_path / "cut.dcm").write_bytes(whole[:250])
    found = find_studies(tmp_path)
    codes = {Path(problem.subject or "").name: problem.code for problem in found.problems}
    assert codes == {
        paths[20].name: ErrorCode.TRUNCATED_FILE,
        "zero.dcm": ErrorCode.TRUNCATED_FILE,
        "junk.dcm": ErrorCode.INPUT_NOT_READABLE,
        "cut.dcm": ErrorCode.TRUNCATED_FILE,
    }
    assert found.ignored == 0
    volume = found.studies[0].load()
    assert volume.hu.shape[0] == 40
    assert not volume.is_source_grid
    assert {w.code for w in volume.warnings} == {
        "damaged-files-left-out",
        "missing-slices-interpolated",
        "input-not-all-read",
    }
    assert len(volume.source_images) == 39


def test_broken_study_beside_a_good_one(tmp_path: Path) -> None:
    write_series(tmp_path / "good", body_hu(), study="good")

    def as_mr(dataset: Dataset, k: int) -> None:
        dataset.Modality = "MR"
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"

    write_series(tmp_path / "mr", body_hu(), study="mr", edit=as_mr)
    found = find_studies(tmp_path)
    by_key = {study.key: study for study in found.studies}
    assert by_key[uid("good")].error is None
    error = by_key[uid("mr")].error
    assert error is not None
    assert error.code is ErrorCode.WRONG_MODALITY
    with pytest.raises(NodulusError, match="only MR"):
        by_key[uid("mr")].load()
    assert load_volume(tmp_path).study_uid == uid("good")


def test_no_identity_in_messages(tmp_path: Path) -> None:
    def without_spacing(dataset: Dataset, k: int) -> None:
        del dataset.PixelSpacing

    write_series(tmp_path, body_hu(), edit=without_spacing)
    study = find_studies(tmp_path).studies[0]
    texts = [str(study.error), *(choice.reason for choice in study.considered)]
    assert not any("never" in text.lower() for text in texts)


def test_two_studies_are_too_many_for_load_volume(tmp_path: Path) -> None:
    write_series(tmp_path / "a", body_hu(), study="one")
    write_series(tmp_path / "b", body_hu(), study="two")
    with pytest.raises(NodulusError, match="2 studies"):
        load_volume(tmp_path)


def test_dicomdir_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, body_hu())
    directory = Dataset()
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    directory.SOPInstanceUID = uid("directory")
    save(directory, tmp_path / "DICOMDIR")
    found = find_studies(tmp_path)
    assert found.problems == ()
    assert found.ignored == 1


def test_single_image_is_too_few_slices(tmp_path: Path) -> None:
    path = write_series(tmp_path, body_hu())[3]
    with pytest.raises(NodulusError) as caught:
        load_volume(path)
    assert caught.value.code is ErrorCode.TOO_FEW_SLICES


def test_linked_folder_is_read_once(tmp_path: Path) -> None:
    write_series(tmp_path / "real", body_hu())
    (tmp_path / "real" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert load_volume(tmp_path).warnings == ()


def test_folder_copied_twice_is_one_volume(tmp_path: Path) -> None:
    hu = body_hu()
    write_series(tmp_path / "one", hu)
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    volume = load_volume(tmp_path)
    assert np.array_equal(volume.hu, hu)
    assert [w.code for w in volume.warnings] == ["doubled-slices-dropped"]
