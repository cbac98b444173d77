"""Every attribute of a real header in turn (`python -m tests.headers --write` does them all)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from nodulus.app.reading.slice_header import IDENTITY_TAGS
from nodulus.app.reading.slice_header import TAGS as READ
from nodulus.app.results.source_header import TAGS as WRITTEN
from tests.headers.outcome import read, write_all
from tests.headers.series import CHANGES, Case, cases, real_header, series, write

USED = {tag_for_keyword(keyword) for keyword in (*READ, *IDENTITY_TAGS, *WRITTEN)}
TO_THE_LETTER = ("PatientID", "PatientName", "AccessionNumber", "FrameOfReferenceUID")


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
    wrong = [case for case in optional(images, change) if len(case.place) == 1]
    if change == "too-long":
        wrong = [case for case in wrong if case.keyword not in TO_THE_LETTER]
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
        if case.place[0] not in USED:
            continue
        folder = tmp_path / str(number)
        write(images, folder, case)
        outcome = read(folder)
        assert outcome.wrong is None, case.name
        assert outcome.refused is None or case.is_needed, (case.name, outcome.refused)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_each_attribute_by_itself_with_every_result(images: list[Dataset], tmp_path: Path) -> None:
    for number, case in enumerate(cases(images[0])):
        if case.place[0] not in USED:
            continue
        folder = tmp_path / str(number)
        write(images, folder, case)
        outcome = read(folder)
        if outcome.volume is not None:
            assert write_all(outcome.volume, tmp_path / "out", validate=False) is None, case.name
        shutil.rmtree(folder)
