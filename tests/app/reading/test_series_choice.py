"""Which series of a study is analysed, and why not the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from nodulus.app.errors import ErrorCode
from nodulus.app.reading import StudyInput, find_studies

from .dicom_factory import CORONAL, body_hu, uid, write_series

HU = body_hu((50, 10, 10))


def make(folder: Path, name: str, *, thickness: float = 5.0, **attributes: Any) -> None:
    """A series that covers 210 mm, with attributes changed."""
    knobs = {k: attributes.pop(k) for k in ("orientation", "shuffle") if k in attributes}
    cover = attributes.pop("cover_mm", 210.0)

    def edit(dataset: Dataset, k: int) -> None:
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    hu = body_hu((round(cover / thickness), 6, 6))
    write_series(folder / name, hu, series=name, step_mm=thickness, edit=edit, **knobs)


def study(folder: Path) -> StudyInput:
    found = find_studies(folder)
    assert len(found.studies) == 1
    return found.studies[0]


def reasons(folder: Path) -> tuple[str, dict[str, str]]:
    """The chosen series' name and the reasons why others were not, by name."""
    names = {uid("study", path.name): path.name for path in folder.iterdir()}
    considered = study(folder).considered
    chosen = [names[choice.series_uid] for choice in considered if choice.chosen]
    assert len(chosen) == 1
    return chosen[0], {
        names[choice.series_uid]: choice.reason for choice in considered if not choice.chosen
    }


@pytest.mark.parametrize(
    ("better", "worse", "word"),
    [
        ({"thickness": 3.0}, {}, "thicker slices (5.0 mm) than the chosen series (3.0 mm)"),
        ({}, {"orientation": CORONAL}, "not axial"),
        ({}, {"BodyPartExamined": "HEAD"}, "HEAD"),
        ({"thickness": 5.0}, {"thickness": 3.0, "cover_mm": 120.0}, "covers less"),
        ({}, {"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}, "derived"),
        ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}, "B70f (sharp)"),
        ({"ConvolutionKernel": ["Br40d", "3"]}, {"ConvolutionKernel": "LUNG"}, "LUNG"),
        ({"thickness": 3.0, "ConvolutionKernel": "B70f"}, {"thickness": 5.0}, "thicker"),
        ({"thickness": 4.0}, {"thickness": 4.5}, "thicker"),
        ({"SeriesNumber": 2}, {"SeriesNumber": 3}, "series number"),
        ({}, {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({}, {"Modality": "PT"}, "PT"),
        ({}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "picture"),
        ({}, {"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "MIP"),
        ({}, {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen save"),
        ({}, {"cover_mm": 80.0}, "80.0 mm"),
        ({}, {"thickness": 15.0}, "15.0 mm apart"),
        ({}, {"RescaleType": "Z_EFF"}, "Z_EFF"),
        ({}, {"SliceThickness": "8"}, "thicker"),
    ],
)  # fmt: skip
def test_better_series_wins_and_the_other_is_explained(
    tmp_path: Path, better: dict[str, Any], worse: dict[str, Any], word: str
) -> None:
    # Names that would win a tie by UID or number must not matter.
    make(tmp_path, "a-worse", **{"SeriesNumber": 1, **worse})
    make(tmp_path, "z-better", **{"SeriesNumber": 2, **better})
    chosen, rejected = reasons(tmp_path)
    assert chosen == "z-better"
    assert word in rejected["a-worse"]


def test_choice_says_what_it_is(tmp_path: Path) -> None:
    make(tmp_path, "only")
    choice = study(tmp_path).considered[0]
    assert choice.chosen
    assert "only series that fits" in choice.reason
    assert "42 slices 5.0 mm apart" in choice.reason
    assert "STANDARD" in choice.reason


def test_error_of_the_series_that_came_nearest(tmp_path: Path) -> None:
    make(tmp_path, "mr", Modality="MR")
    make(tmp_path, "localizer", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    found = study(tmp_path)
    assert found.chosen is None
    assert found.error is not None
    assert found.error.code is ErrorCode.NO_CT_SERIES
    assert len(found.considered) == 2
    make(tmp_path, "short", cover_mm=12.0)
    error = study(tmp_path).error
    assert error is not None
    assert error.code is ErrorCode.TOO_FEW_SLICES


def test_series_that_cannot_be_mended_is_passed_over(tmp_path: Path) -> None:
    hu = body_hu((100, 6, 6))
    write_series(
        tmp_path / "thin", hu, series="thin", step_mm=1.5, keep=[*range(40), *range(60, 100)]
    )
    make(tmp_path, "thick", thickness=5.0)
    chosen, rejected = reasons(tmp_path)
    assert chosen == "thick"
    assert "20 of 100 slices are missing" in rejected["thin"]


def test_localizer_inside_the_series_is_dropped_and_said(tmp_path: Path) -> None:
    write_series(tmp_path, HU)

    def localizer(dataset: Dataset, k: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.SOPInstanceUID = "1.2.3"

    write_series(tmp_path, HU, keep=[10], orientation=CORONAL, edit=localizer, prefix="scout-")
    found = study(tmp_path)
    volume = found.load()
    assert np.array_equal(volume.hu, HU)
    assert volume.is_source_grid
    assert [warning.code for warning in volume.warnings] == ["part-of-series-left-out"]
    assert [choice.chosen for choice in found.considered] == [True, False]
    assert "Part 2 of 2 (1 image)" in found.considered[1].reason


def test_localizer_with_the_slices_geometry_is_dropped_too(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        if k == 0:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_series(tmp_path, HU, edit=edit)
    assert np.array_equal(study(tmp_path).load().hu, HU[1:])


def test_series_of_two_matrices_is_split(tmp_path: Path) -> None:
    write_series(tmp_path, HU)
    other = body_hu((45, 12, 12))
    write_series(
        tmp_path, other, prefix="b-", edit=lambda ds, k: setattr(ds, "SOPInstanceUID", f"1.2.3.{k}")
    )
    found = study(tmp_path)
    assert np.array_equal(found.load().hu, HU)
    assert [choice.reason[:11] for choice in found.considered] == ["Part 1 of 2", "Part 2 of 2"]


@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "TemporalPositionIdentifier"])
def test_time_points_in_one_series_are_split(tmp_path: Path, keyword: str) -> None:
    for number in (1, 2):

        def edit(dataset: Dataset, k: int, number: int = number) -> None:
            dataset.SOPInstanceUID = f"1.2.3.{number}.{k}"
            setattr(dataset, keyword, number)

        write_series(tmp_path, HU + 10 * number, prefix=f"{number}-", edit=edit)
    found = study(tmp_path)
    assert len(found.considered) == 2
    volume = found.load()
    assert np.array_equal(volume.hu, HU + 10)


def test_step_and_shoot_numbers_do_not_split(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.AcquisitionNumber = k + 1

    write_series(tmp_path, HU, keep=[k for k in range(50) if k != 20], edit=edit)
    found = study(tmp_path)
    assert len(found.considered) == 1
    assert [w.code for w in found.load().warnings] == ["missing-slices-interpolated"]


def test_doubts_about_the_only_series_are_said(tmp_path: Path) -> None:
    make(tmp_path, "s", orientation=CORONAL, BodyPartExamined="ABDOMEN", SliceThickness="2")
    codes = [warning.code for warning in study(tmp_path).load().warnings]
    assert codes == ["not-axial", "other-body-part", "thick-slices", "unscanned-gaps"]
