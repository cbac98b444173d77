"""Every cell, boundary and trap of the Lung-RADS v2022 table."""

from __future__ import annotations

from dataclasses import fields

import pytest

from nodulus.app.guidelines.lung_rads import _CHOICES, lung_rads_nodule
from nodulus.app.guidelines.lung_rads_growth import lung_rads_growth
from nodulus.app.guidelines.lung_rads_input import LungRadsNodule
from nodulus.app.guidelines.rounding import mean_diameter_mm

PLAIN = {
    "texture": "solid",
    "benign_calcification": False,
    "fat": False,
    "juxtapleural": False,
    "airway": "none",
    "airway_air_without_soft_tissue": False,
    "cyst": "none",
    "cyst_change": "none",
    "spiculated": False,
    "lymphadenopathy": False,
    "metastasis": False,
    "doubled_in_a_year": False,
    "interval_reached": True,
    "proven_benign": False,
}
"""A nodule with nothing out of the ordinary."""


def nodule(status: str, mm: float | None = None, solid: float | None = None, **other):
    return LungRadsNodule(
        **{
            **PLAIN,
            "status": status,
            "mean_diameter_mm": mm,
            "solid_mean_diameter_mm": solid,
            **other,
        }
    )


def category(*arguments, **other) -> str | None:
    return lung_rads_nodule(nodule(*arguments, **other)).category


def test_every_choice_is_an_input():
    assert set(_CHOICES) <= {field.name for field in fields(LungRadsNodule)}


@pytest.mark.parametrize(
    ("status", "mm", "expected"),
    [
        ("baseline", 5.9, "2"),
        ("baseline", 5.94, "2"),
        ("baseline", 5.95, "3"),
        ("baseline", 6.0, "3"),
        ("baseline", 7.9, "3"),
        ("baseline", 8.0, "4A"),
        ("baseline", 14.9, "4A"),
        ("baseline", 15.0, "4B"),
        ("new", 3.9, "2"),
        ("new", 4.0, "3"),
        ("new", 5.9, "3"),
        ("new", 6.0, "4A"),
        ("new", 7.9, "4A"),
        ("new", 8.0, "4B"),
        ("growing", 4.0, "4A"),
        ("growing", 7.9, "4A"),
        ("growing", 8.0, "4B"),
        ("slowly growing", 5.0, "4B"),
    ],
)
def test_solid(status, mm, expected):
    assert category(status, mm) == expected


@pytest.mark.parametrize(
    ("volume", "expected"),
    [(112, "2"), (113, "3"), (267, "3"), (268, "4A"), (1766, "4A"), (1767, "4B"), (112.5, "3")],
)
def test_solid_by_volume(volume, expected):
    assert category("baseline", volume_mm3=volume) == expected


def test_a_volume_counts_before_a_diameter():
    assert category("baseline", 9.0, volume_mm3=100.0) == "2"


@pytest.mark.parametrize(
    ("status", "mm", "solid", "expected"),
    [
        ("baseline", 5.9, 5.0, "2"),
        ("baseline", 6.0, 0.0, "3"),
        ("baseline", 12.0, 5.9, "3"),
        ("baseline", 12.0, 6.0, "4A"),
        ("baseline", 12.0, 7.9, "4A"),
        ("baseline", 12.0, 8.0, "4B"),
        ("new", 5.9, 3.9, "3"),
        ("new", 6.0, 3.9, "4A"),
        ("new", 6.0, 4.0, "4B"),
        ("slowly growing", 12.0, 5.0, "4B"),
    ],
)
def test_part_solid(status, mm, solid, expected):
    assert category(status, mm, solid, texture="part-solid") == expected


@pytest.mark.parametrize(("solid", "expected"), [(3.9, "4A"), (4.0, "4B")])
def test_part_solid_whose_solid_part_grows(solid, expected):
    grown = {"texture": "part-solid", "solid_part_changed": True}
    assert category("growing", 12.0, solid, **grown) == expected


def test_new_small_part_solid_with_a_solid_part_of_4_mm_meets_two_rows():
    advice = lung_rads_nodule(nodule("new", 5.5, 4.0, texture="part-solid"))
    assert advice.category == "3"
    assert advice.categories == ("3", "4B")
    assert advice.needs_reader


def test_part_solid_that_grows_without_its_solid_part_has_no_row():
    grown = {"texture": "part-solid", "solid_part_changed": False}
    advice = lung_rads_nodule(nodule("growing", 12.0, 5.0, **grown))
    assert (advice.category, advice.needs_reader) == ("3", True)


@pytest.mark.parametrize(
    ("status", "mm", "expected"),
    [
        ("baseline", 29.9, "2"),
        ("new", 29.9, "2"),
        ("growing", 29.9, "2"),
        ("stable", 29.9, "2"),
        ("baseline", 30.0, "3"),
        ("new", 30.0, "3"),
        ("stable", 30.0, "2"),
        ("slowly growing", 45.0, "2"),
    ],
)
def test_ground_glass(status, mm, expected):
    assert category(status, mm, texture="ground-glass") == expected


def test_large_growing_ground_glass_has_no_row():
    advice = lung_rads_nodule(nodule("growing", 30.0, texture="ground-glass"))
    assert advice.needs_reader


def test_ground_glass_that_doubles_is_in_a_note_but_not_in_the_row():
    doubled = nodule("growing", 20.0, texture="ground-glass", doubled_in_a_year=True)
    advice = lung_rads_nodule(doubled)
    assert advice.categories == ("2", "4X")
    assert advice.needs_reader


def test_large_ground_glass_that_doubles_is_4x():
    doubled = nodule("growing", 32.0, texture="ground-glass", doubled_in_a_year=True)
    assert lung_rads_nodule(doubled).categories == ("4X",)


@pytest.mark.parametrize("name", ["benign_calcification", "fat"])
def test_benign_patterns_are_category_1_at_any_size(name):
    assert category("baseline", 20.0, **{name: True}) == "1"


@pytest.mark.parametrize(
    ("status", "mm", "expected"),
    [("baseline", 9.9, "2"), ("new", 9.9, "2"), ("baseline", 10.0, "4A"), ("new", 10.0, "4B")],
)
def test_juxtapleural_below_10_mm(status, mm, expected):
    assert category(status, mm, juxtapleural=True) == expected


@pytest.mark.parametrize(("volume", "expected"), [(523, "2"), (524, "4A")])
def test_juxtapleural_by_volume(volume, expected):
    assert category("baseline", volume_mm3=volume, juxtapleural=True) == expected


@pytest.mark.parametrize(
    ("airway", "status", "expected"),
    [
        ("subsegmental", "baseline", "2"),
        ("subsegmental", "new", "2"),
        ("subsegmental", "stable", "2"),
        ("segmental or more proximal", "baseline", "4A"),
        ("segmental or more proximal", "stable", "4B"),
        ("segmental or more proximal", "growing", "4B"),
    ],
)
def test_airway_nodules(airway, status, expected):
    assert category(status, 7.0, airway=airway) == expected


def test_growing_subsegmental_airway_nodule_has_no_row():
    assert lung_rads_nodule(nodule("growing", 7.0, airway="subsegmental")).needs_reader


def test_secretions_in_an_airway():
    secretions = {
        "airway": "segmental or more proximal",
        "airway_air_without_soft_tissue": True,
    }
    assert category("baseline", 7.0, **secretions) == "2"


@pytest.mark.parametrize(
    ("cyst", "status", "change", "expected"),
    [
        ("thin-walled", "baseline", "none", "not classified"),
        ("fluid-filled", "baseline", "none", "not classified"),
        ("multiple", "baseline", "none", "not classified"),
        ("thick-walled", "baseline", "none", "4A"),
        ("multilocular", "baseline", "none", "4A"),
        ("thin-walled", "growing", "became multilocular", "4A"),
        ("thick-walled", "growing", "became multilocular", "4A"),
        ("thick-walled", "growing", "growing cystic part", "3"),
        ("thick-walled", "growing", "growing wall or nodularity", "4B"),
        ("multilocular", "growing", "growing", "4B"),
        ("multilocular", "stable", "more loculation or opacity", "4B"),
    ],
)
def test_cysts(cyst, status, change, expected):
    assert category(status, 12.0, cyst=cyst, cyst_change=change) == expected


def test_a_cavitary_nodule_counts_as_solid_by_its_whole_diameter():
    assert category("baseline", 9.0, cyst="cavitary nodule", texture="part-solid") == "4A"


@pytest.mark.parametrize(
    ("previous", "interval_reached", "proven_benign", "expected"),
    [
        ("2", True, False, "2"),
        ("3", True, False, "2"),
        ("3", False, False, "3"),
        ("4A", True, False, "3"),
        ("4A", False, False, "4A"),
        ("4B", True, False, "4B"),
        ("4B", True, True, "2"),
        ("4X", True, False, "4X"),
    ],
)
@pytest.mark.parametrize("status", ["stable", "smaller"])
@pytest.mark.parametrize("mm", [5.0, 7.0, 16.0])
def test_what_did_not_grow_steps_down_whatever_its_size(
    status, previous, interval_reached, proven_benign, expected, mm
):
    given = {
        "previous_category": previous,
        "interval_reached": interval_reached,
        "proven_benign": proven_benign,
    }
    assert category(status, mm, **given) == expected


@pytest.mark.parametrize("feature", ["spiculated", "lymphadenopathy", "metastasis"])
@pytest.mark.parametrize(("mm", "expected"), [(5.0, "2"), (6.0, "4X"), (8.0, "4X"), (15.0, "4X")])
def test_suspicious_features_raise_3_and_4_alone(feature, mm, expected):
    assert category("baseline", mm, **{feature: True}) == expected


@pytest.mark.parametrize(
    ("before", "now", "days", "expected"),
    [
        (6.0, 7.5, 365, "stable"),
        (6.0, 7.6, 365, "growing"),
        (6.0, 4.5, 365, "stable"),
        (6.0, 4.4, 365, "smaller"),
        (6.0, 7.6, 400, None),
        (6.0, 7.5, 800, "stable"),
    ],
)
def test_growth_in_mean_diameter(before, now, days, expected):
    assert lung_rads_growth(before, now, days)[0] == expected


def test_growth_over_more_than_a_year_is_not_annualised():
    assert "within twelve months" in lung_rads_growth(6.0, 9.0, 730)[1]


@pytest.mark.parametrize(
    ("long_axis", "short_axis", "expected"),
    [(7.4, 5.9, 6.7), (6.0, 5.9, 6.0), (8.04, 7.94, 8.0), (7.86, 7.94, 7.9), (5.9, 5.9, 5.9)],
)
def test_mean_diameters_are_rounded_half_up_in_tenths(long_axis, short_axis, expected):
    assert mean_diameter_mm(long_axis, short_axis) == expected


def test_an_unknown_feature_is_not_a_no():
    advice = lung_rads_nodule(nodule("baseline", 7.0, spiculated=None))
    assert advice.category is None
    assert set(advice.categories) == {"3", "4X"}
    assert advice.missing == ("spiculated",)
    assert {(one.condition, one.ruling.category) for one in advice.alternatives} == {
        ("none of: spiculated", "3"),
        ("spiculated", "4X"),
    }


def test_an_unknown_that_changes_nothing_is_not_asked_for():
    advice = lung_rads_nodule(nodule("baseline", 5.0, spiculated=None, lymphadenopathy=None))
    assert (advice.category, advice.missing, advice.needs_reader) == ("2", (), False)


def test_an_unknown_size_is_said():
    advice = lung_rads_nodule(nodule("baseline"))
    assert advice.missing == ("mean_diameter_mm",)
    assert advice.needs_reader


def test_all_that_is_unknown_still_ends():
    advice = lung_rads_nodule(LungRadsNodule(status=None, mean_diameter_mm=7.0))
    assert {"1", "2", "3", "4A", "4B", "4X"} <= set(advice.categories)


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="mean_diameter_mm"):
        nodule("baseline", -1.0)
