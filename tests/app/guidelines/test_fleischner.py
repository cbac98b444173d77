"""Every cell and boundary of the Fleischner 2017 tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodulus.app.guidelines.fleischner import (
    FleischnerNodule,
    FleischnerPatient,
    fleischner,
    unknown_of_patient,
)
from nodulus.app.guidelines.rounding import mean_diameter_whole_mm

LOW = FleischnerPatient(
    age_years=60, high_risk=False, immunosuppressed=False, known_cancer=False, screening=False
)
HIGH = replace(LOW, high_risk=True)
NONE, OPTIONAL = "no routine follow-up", "optional CT at 12 months"
HALF_YEAR, QUARTER, LARGE = (
    "CT at 6-12 months",
    "CT at 3-6 months",
    "CT at 3 months, PET/CT or tissue",
)


def nodule(texture, mm=None, **other) -> FleischnerNodule:
    return FleischnerNodule(texture, mm, **{"lymph_node_form": False, **other})


def category(*nodules, patient=LOW):
    return fleischner(nodules, patient)[0].category


@pytest.mark.parametrize(
    ("mm", "single", "several"),
    [
        (5, (NONE, OPTIONAL), (NONE, OPTIONAL)),
        (6, (HALF_YEAR, HALF_YEAR), (QUARTER, QUARTER)),
        (8, (HALF_YEAR, HALF_YEAR), (QUARTER, QUARTER)),
        (9, (LARGE, LARGE), (QUARTER, QUARTER)),
    ],
)
def test_solid(mm, single, several):
    one = nodule("solid", mm)
    assert (category(one), category(one, patient=HIGH)) == single
    assert (category(one, one), category(one, one, patient=HIGH)) == several


@pytest.mark.parametrize(
    ("volume", "expected"), [(99.9, NONE), (100, HALF_YEAR), (250, HALF_YEAR), (250.1, LARGE)]
)
def test_solid_by_volume(volume, expected):
    assert category(nodule("solid", 30, volume_mm3=volume)) == expected


@pytest.mark.parametrize(
    ("number", "risk", "words"),
    [
        (1, LOW, "then consider CT at 18 to 24"),
        (1, HIGH, "then CT at 18 to 24"),
        (2, LOW, "then consider CT at 18 to 24"),
        (2, HIGH, "then CT at 18 to 24"),
    ],
)
def test_the_second_ct_of_a_solid_nodule_depends_on_the_risk(number, risk, words):
    advice = fleischner((nodule("solid", 7),) * number, risk)[0]
    assert words in advice.ruling.management


@pytest.mark.parametrize(
    ("texture", "mm", "expected"),
    [
        ("ground-glass", 5, NONE),
        ("ground-glass", 6, HALF_YEAR),
        ("part-solid", 5, NONE),
        ("part-solid", 6, QUARTER),
    ],
)
def test_one_subsolid(texture, mm, expected):
    assert category(nodule(texture, mm, solid_mean_diameter_mm=3)) == expected


@pytest.mark.parametrize(
    ("solid", "words"), [(5, "yearly CT for 5 years"), (6, "highly suspicious")]
)
def test_the_solid_part_of_a_part_solid_nodule(solid, words):
    advice = fleischner((nodule("part-solid", 12, solid_mean_diameter_mm=solid),), LOW)[0]
    assert words in advice.ruling.management


@pytest.mark.parametrize("texture", ["ground-glass", "part-solid"])
@pytest.mark.parametrize(("mm", "words"), [(5, "2 and 4 years"), (6, "most suspicious")])
def test_several_subsolid(texture, mm, words):
    advice = fleischner((nodule(texture, mm), nodule(texture, mm)), LOW)
    assert len(advice) == 2
    assert advice[0].category == QUARTER
    assert words in advice[0].ruling.management


@pytest.mark.parametrize("mm", [5, 9])
def test_the_form_of_a_lymph_node_needs_no_ct_at_any_size(mm):
    assert category(nodule("solid", mm, lymph_node_form=True)) == NONE


@pytest.mark.parametrize(
    "other",
    [
        {"age_years": 34},
        {"immunosuppressed": True},
        {"known_cancer": True},
        {"screening": True},
    ],
)
def test_not_for_everyone(other):
    assert fleischner((nodule("solid", 9),), replace(LOW, **other))[0].not_applicable


def test_at_35_it_applies():
    assert category(nodule("solid", 9), patient=replace(LOW, age_years=35)) == LARGE


def test_an_unknown_risk_matters_where_the_rows_differ():
    unknown = replace(LOW, high_risk=None)
    small = fleischner((nodule("solid", 5),), unknown)[0]
    assert small.category is None
    assert set(small.categories) == {NONE, OPTIONAL}
    assert small.missing == ("high_risk",)
    assert category(nodule("solid", 9), patient=unknown) == LARGE


def test_what_is_not_known_of_the_patient():
    assert unknown_of_patient(replace(LOW, known_cancer=None)) == ("known_cancer",)


def test_a_category_for_a_patient_whom_it_may_not_be_for_needs_a_reader():
    one = nodule("solid", 9)
    known, unknown = (
        fleischner((one,), patient)[0] for patient in (LOW, replace(LOW, immunosuppressed=None))
    )
    assert unknown.category == known.category
    assert (known.needs_reader, unknown.needs_reader) == (False, True)
    assert unknown.unknown_applicability == ("immunosuppressed",)


@pytest.mark.parametrize(
    ("long_axis", "short_axis", "expected"),
    [(5.4, 5.4, 5), (5.5, 5.5, 6), (6.0, 5.0, 6), (8.4, 8.4, 8)],
)
def test_mean_diameters_are_whole_mm(long_axis, short_axis, expected):
    assert mean_diameter_whole_mm(long_axis, short_axis) == expected
