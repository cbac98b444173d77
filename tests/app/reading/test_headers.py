"""Every attribute of a real header in turn (`python -m tests.headers --write` does them all)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies
from tests.headers.outcome import read, write_all
from tests.headers.series import CHANGES, Case, cases, real_header, series, volume_hu, write


@pytest.fixture(scope="module")
def images() -> list[Dataset]:
    made = series(real_header())
    for image in made:
        # What the real one leaves out and the code looks at.
        image.AcquisitionTime, image.AcquisitionDate = "101112", "20040119"
        image.RescaleType, image.SpacingBetweenSlices = "HU", 5
        image.IssuerOfPatientID, image.PatientBirthDate = "north", "19500101"
        image.HighBit, image.ImagesInAcquisition = 15, len(made)
    return made


def optional(images: list[Dataset], change: str) -> list[Case]:
    found = [case for case in cases(images[0]) if case.change == change and not case.is_needed]
    assert len(found) > 200
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_all_attributes_that_are_not_needed_at_once(
    change: str, images: list[Dataset], tmp_path: Path
) -> None:
    """The volume is the right one, and every result is whole; identity stays to the letter."""
    wrong = [
        case for case in optional(images, change) if len(case.place) == 1 and not case.is_repeated
    ]
    write(images, tmp_path / "in", *wrong)
    outcome = read(tmp_path / "in")
    assert (outcome.refused, outcome.wrong) == (None, None)
    assert outcome.volume is not None
    validate = shutil.which("dciodvfy") is not None
    assert write_all(outcome.volume, tmp_path / "out", validate=validate) is None


@pytest.mark.parametrize("change", CHANGES)
def test_each_attribute_that_is_looked_at_by_itself(
    change: str, images: list[Dataset], tmp_path: Path
) -> None:
    for number, case in enumerate(case for case in cases(images[0]) if case.change == change):
        if not case.is_looked_at:
            continue
        folder = tmp_path / str(number)
        write(images, folder, case)
        outcome = read(folder)
        assert outcome.wrong is None, case.name
        assert outcome.refused is None or case.is_needed, (case.name, outcome.refused)
        shutil.rmtree(folder)


def wrong_results(images: list[Dataset], chosen: list[Case], folder: Path) -> list[str]:
    """What is wrong with every result of each case, all cases tried."""
    wrong = []
    for case in chosen:
        write(images, folder / "in", case)
        outcome = read(folder / "in")
        said = outcome.wrong
        if outcome.refused is not None and not case.is_needed:
            said = f"refused: {outcome.refused}"
        elif outcome.volume is not None and said is None:
            said = write_all(outcome.volume, folder / "out", validate=False)
        if said is not None:
            wrong.append(f"{case.name}: {said}")
        shutil.rmtree(folder / "in")
    return wrong


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_what_has_no_uid_has_every_result_that_can_be(
    keyword: str, images: list[Dataset], tmp_path: Path
) -> None:
    """SOPInstanceUID stands in the meta information too; the others leave DICOM objects out."""
    chosen = [
        Case((Tag(tag_for_keyword(keyword) or 0),), change) for change in ("wrong-type", "too-long")
    ]
    assert wrong_results(images, chosen, tmp_path) == []


def test_a_sample_of_attributes_with_every_result(images: list[Dataset], tmp_path: Path) -> None:
    """Others at each change of the list, so that none is left out for good."""
    looked_at = [case for case in cases(images[0]) if case.is_looked_at]
    assert wrong_results(images, looked_at[3::61], tmp_path) == []


@pytest.mark.parametrize(
    "keyword",
    ["PhotometricInterpretation", "PixelRepresentation", "BitsStored", "BitsAllocated",
     "SamplesPerPixel", "Rows", "Columns"],
)  # fmt: skip
def test_nonsense_in_every_image_is_named_as_the_cause(
    keyword: str, images: list[Dataset], tmp_path: Path
) -> None:
    write(images, tmp_path, Case((Tag(tag_for_keyword(keyword) or 0),), "nonsense"))
    (study,) = find_studies(tmp_path).studies
    with pytest.raises(NodulusError) as raised:
        study.load()
    assert raised.value.code is ErrorCode.INVALID_ATTRIBUTE
    said = {"Rows": "matrix", "Columns": "matrix", "SamplesPerPixel": "colours"}
    assert said.get(keyword, keyword) in raised.value.message


@pytest.mark.parametrize("change", ["absent", "wrong-type", "nonsense"])
@pytest.mark.parametrize(
    "keyword", ["PhotometricInterpretation", "PixelRepresentation", "BitsStored"]
)
@pytest.mark.parametrize("odd", [0, 5])
def test_nonsense_in_one_image_is_a_missing_slice(
    keyword: str, change: str, odd: int, images: list[Dataset], tmp_path: Path
) -> None:
    """Whichever image it is; no slice is ever read with a sign or bits that were guessed."""
    write(images, tmp_path / "plain")
    write(images, tmp_path / "odd", Case((Tag(tag_for_keyword(keyword) or 0),), change))
    path = tmp_path / "plain" / f"{odd:03d}.dcm"
    path.write_bytes((tmp_path / "odd" / path.name).read_bytes())
    volume = find_studies(tmp_path / "plain").studies[0].load()
    right = volume_hu()
    if odd == 0:
        assert np.array_equal(volume.hu, right[1:])
    else:
        assert np.array_equal(np.delete(volume.hu, odd, 0), np.delete(right, odd, 0))
        assert "missing-slices-interpolated" in {warning.code for warning in volume.warnings}


@pytest.mark.slow
def test_each_attribute_by_itself_with_every_result(images: list[Dataset], tmp_path: Path) -> None:
    """Those that the code asks for, and every ninth of the others."""
    chosen = [
        case for number, case in enumerate(cases(images[0])) if case.is_looked_at or number % 9 == 0
    ]
    assert wrong_results(images, chosen, tmp_path) == []
