"""Images of several persons, and images that are named twice."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from pydicom import Dataset

from nodulus.app.reading import find_studies
from nodulus.app.reading.identity import is_same_person
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import body_hu, uid, write_series

HU = body_hu()


def person(identity: str, name: str = "", birth: str = "", issuer: str = "") -> dict[str, str]:
    return {
        "PatientID": identity,
        "PatientName": name,
        "PatientBirthDate": birth,
        "IssuerOfPatientID": issuer,
    }


def write(folder: Path, attributes: dict[str, str], brighter: int, **more: object) -> None:
    def edit(dataset: Dataset, _k: int) -> None:
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = uid(dataset.SOPInstanceUID, brighter)

    write_series(folder, HU + brighter, edit=edit, prefix=f"{brighter}-", **more)  # type: ignore[arg-type]


def volumes(folder: Path) -> list[CtVolume]:
    return [study.load() for study in find_studies(folder).studies]


@pytest.mark.parametrize("series", [("series", "series"), ("series", "other")])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (person("A"), person("B")),
        (person("A", issuer="north"), person("A", issuer="south")),
        (person("A", "Doe^Jane", "19500101"), person("A", "Roe^Ann", "19610203")),
        (person("", "Doe^Jane"), person("", "Roe^Ann")),
    ],
    ids=["other ID", "other issuer", "other name and birth date", "no ID, other name"],
)
def test_two_persons_under_one_study_are_two_results(
    one: dict[str, str], other: dict[str, str], series: tuple[str, str], tmp_path: Path
) -> None:
    write(tmp_path, one, 0, series=series[0])
    write(tmp_path, other, 50, series=series[1])
    found = volumes(tmp_path)
    assert len({study.key for study in find_studies(tmp_path).studies}) == 2
    assert sorted(int(volume.hu.astype(int).sum() - HU.astype(int).sum()) for volume in found) == [
        0,
        50 * HU.size,
    ]
    for volume in found:
        assert "several-patients" in {warning.code for warning in volume.warnings}


def test_slices_of_another_person_are_never_taken_in_between(tmp_path: Path) -> None:
    write(tmp_path, person("A"), 0, keep=range(0, 40, 2))
    write(tmp_path, person("B"), 50, keep=range(1, 40, 2))
    found = volumes(tmp_path)
    assert [volume.hu.shape[0] for volume in found] == [20, 20]
    assert [volume.geometry.spacing_irc_mm[0] for volume in found] == [6.0, 6.0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (person("A", "Doe^Jane"), person("A", "DOE^JANE^^")),
        (person("A", "Doe^Jane", "19500101"), person("A", "Smith^Jane", "19500101")),
        (person("A", issuer="north"), person("A")),
        (person("A", "Doe^Jane"), person("", "Doe^Jane")),
    ],
    ids=["name written otherwise", "name changed", "issuer in some", "ID in some"],
)
def test_one_person_is_one_result(
    one: dict[str, str], other: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path, one, 0, keep=range(0, 40, 2))
    write(tmp_path, other, 0, keep=range(1, 40, 2))
    (volume,) = volumes(tmp_path)
    assert volume.hu.shape == HU.shape


def test_a_series_in_two_studies_is_said(tmp_path: Path) -> None:
    def to(study: str) -> object:
        def edit(dataset: Dataset, _k: int) -> None:
            dataset.StudyInstanceUID = uid(study)

        return edit

    write_series(tmp_path, HU, keep=range(20), edit=to("one"), prefix="one")  # type: ignore[arg-type]
    write_series(tmp_path, HU, keep=range(20, 40), edit=to("two"), prefix="two")  # type: ignore[arg-type]
    found = volumes(tmp_path)
    assert [volume.hu.shape[0] for volume in found] == [20, 20]
    for volume in found:
        assert "series-in-several-studies" in {warning.code for warning in volume.warnings}


def test_same_person_is_symmetric() -> None:
    values = list(product(("A", "B", None), ("n", None), ("x", "y", None), ("1", "2", None)))
    for a, b in product(values, values):
        assert is_same_person(a, b) == is_same_person(b, a)
    assert all(is_same_person(a, a) for a in values)
