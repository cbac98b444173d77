"""Every branch and boundary of BTS 2015 and NELSON."""

from __future__ import annotations

import pytest

from nodulus.app.guidelines.bts import BtsFollowUp, BtsNodule, bts, bts_follow_up
from nodulus.app.guidelines.nelson import NelsonNodule, nelson

PLAIN = {"benign_calcification_or_fat": False, "lymph_node_form": False, "age_years": 60}


def first(texture="solid", **other):
    return bts(BtsNodule(texture, **{**PLAIN, **other}))


@pytest.mark.parametrize(
    ("mm", "brock", "herder", "expected"),
    [
        (4.9, None, None, "discharge"),
        (5.0, None, None, "CT at 12 months"),
        (5.9, None, None, "CT at 12 months"),
        (6.0, None, None, "CT at 3 months"),
        (7.9, None, None, "CT at 3 months"),
        (8.0, 0.099, None, "CT at 3 months"),
        (8.0, 0.10, None, "PET-CT"),
        (8.0, 0.10, 0.099, "CT surveillance"),
        (8.0, 0.10, 0.10, "biopsy"),
        (8.0, 0.10, 0.70, "biopsy"),
        (8.0, 0.10, 0.701, "excision"),
    ],
)
def test_solid_by_diameter(mm, brock, herder, expected):
    advice = first(maximum_diameter_mm=mm, brock_probability=brock, herder_probability=herder)
    assert advice.category == expected


@pytest.mark.parametrize(
    ("volume", "expected"),
    [(79.9, "discharge"), (80, "CT at 3 months"), (299.9, "CT at 3 months"), (300, "PET-CT")],
)
def test_solid_by_volume(volume, expected):
    advice = first(maximum_diameter_mm=5.5, volume_mm3=volume, brock_probability=0.2)
    assert advice.category == expected


def test_an_unknown_brock_probability_is_asked_for():
    advice = first(maximum_diameter_mm=9.0)
    assert advice.missing == ("brock_probability",)
    assert advice.needs_reader


@pytest.mark.parametrize(("mm", "expected"), [(4.9, "discharge"), (5.0, "CT at 3 months")])
@pytest.mark.parametrize("texture", ["ground-glass", "part-solid"])
def test_subsolid(texture, mm, expected):
    assert first(texture, maximum_diameter_mm=mm).category == expected


@pytest.mark.parametrize("name", ["benign_calcification_or_fat", "lymph_node_form"])
def test_benign_forms_are_discharged(name):
    assert first(maximum_diameter_mm=9.0, **{name: True}).category == "discharge"


def test_for_adults():
    assert first(maximum_diameter_mm=9.0, age_years=17).not_applicable


@pytest.mark.parametrize(
    ("months", "growth", "days", "volumetry", "expected"),
    [
        (3, 0.25, 279.6, True, "work-up"),
        (3, 0.249, None, True, "CT at 12 months"),
        (12, 0.249, None, True, "discharge"),
        (12, 0.249, None, False, "CT at 24 months"),
        (24, 0.249, None, False, "discharge"),
        (12, 0.25, 400, True, "work-up"),
        (12, 0.25, 401, True, "biopsy or surveillance"),
        (12, 0.25, 600, True, "biopsy or surveillance"),
        (12, 0.25, 601, True, "discharge or surveillance"),
    ],
)
def test_solid_on_follow_up(months, growth, days, volumetry, expected):
    advice = bts_follow_up(
        BtsFollowUp("solid", months, volumetry, growth_share=growth, doubling_days=days)
    )
    assert advice.category == expected
    assert not advice.needs_reader


def test_growth_that_is_slow_at_three_months_meets_both_conditions():
    advice = bts_follow_up(BtsFollowUp("solid", 3, True, growth_share=0.3, doubling_days=450))
    assert (advice.category, advice.needs_reader) == ("work-up", True)


@pytest.mark.parametrize(
    ("months", "change", "form", "brock", "expected"),
    [
        (3, "resolved", False, 0.0, "discharge"),
        (3, "growing", False, 0.0, "resection favoured"),
        (12, "new solid part", False, 0.0, "resection favoured"),
        (3, "stable", False, 0.099, "CT at 1, 2 and 4 years"),
        (3, "stable", False, 0.10, "observe, biopsy or resect"),
        (3, "stable", True, 0.0, "observe, biopsy or resect"),
        (48, "stable", False, 0.5, "discharge"),
    ],
)
def test_subsolid_on_follow_up(months, change, form, brock, expected):
    follow_up = BtsFollowUp(
        "ground-glass", months, change=change, suspicious_form=form, brock_probability=brock
    )
    assert bts_follow_up(follow_up).category == expected


@pytest.mark.parametrize(
    ("volume", "expected"),
    [(49.9, "negative"), (50, "indeterminate"), (500, "indeterminate"), (500.1, "positive")],
)
def test_nelson_at_baseline(volume, expected):
    assert nelson(NelsonNodule("baseline", volume)).category == expected


@pytest.mark.parametrize(
    ("growth", "days", "expected"),
    [
        (0.249, None, "negative"),
        (0.25, 399, "positive"),
        (0.25, 400, "indeterminate"),
        (0.25, 600, "indeterminate"),
        (0.25, 601, "negative"),
    ],
)
def test_nelson_on_follow_up(growth, days, expected):
    assert nelson(NelsonNodule("follow-up", 200.0, growth, days)).category == expected


@pytest.mark.parametrize(
    ("volume", "growth", "days", "expected"),
    [
        (200, 0.0, None, "positive"),
        (199.9, 0.1, 590, "positive"),
        (199.9, 0.1, 591, "negative"),
        (199.9, -0.1, None, "negative"),
    ],
)
def test_nelson_of_a_new_nodule_seen_again(volume, growth, days, expected):
    assert nelson(NelsonNodule("new, seen again", volume, growth, days)).category == expected


def test_nelson_without_a_volume_asks_for_it():
    assert nelson(NelsonNodule("baseline", None)).missing == ("volume_mm3",)
