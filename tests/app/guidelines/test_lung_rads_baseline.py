"""What the measurements of a scan give at a baseline screening."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodulus.app.guidelines.lung_rads_baseline import lung_rads_at_baseline
from nodulus.app.guidelines.lung_rads_exam import LungRadsExam, lung_rads_exam
from nodulus.app.guidelines.lung_rads_input import LungRadsNodule


def solid(mean_mm: float, **known) -> LungRadsNodule:
    return LungRadsNodule(
        **{"status": None, "texture": "solid", "mean_diameter_mm": mean_mm, **known}
    )


@pytest.mark.parametrize(
    ("nodules", "category", "rests_on"),
    [
        ((), "1", None),
        ((solid(5.9),), "2", 0),
        ((solid(5.9), solid(6.0)), "3", 1),
        ((solid(8.0), solid(14.9)), "4A", 0),
        ((solid(4.0), solid(15.0)), "4B", 1),
        ((solid(15.0, spiculated=True),), "4X", 0),
        ((solid(15.0, benign_calcification=True), solid(7.0)), "3", 1),
        ((solid(15.0, fat=True),), "1", 0),
    ],
)
def test_the_row_of_the_table_for_the_size(nodules, category, rests_on) -> None:
    found = lung_rads_at_baseline(nodules, LungRadsExam())
    assert found.advice.category == category
    assert found.nodule == rests_on


def test_what_is_known_of_the_scan_counts_as_it_is() -> None:
    for known in ({"lungs_complete": False}, {"inflammation": True}):
        found = lung_rads_at_baseline((solid(7.0),), LungRadsExam(**known))
        assert found.advice.category == "0"
    found = lung_rads_at_baseline((solid(7.0),), LungRadsExam(significant_other_finding=True))
    assert found.advice.category == "3S"
    found = lung_rads_at_baseline((solid(7.0),), LungRadsExam(known_lung_cancer=True))
    assert found.advice.not_applicable


def test_a_measurement_that_is_missing_is_not_made_up() -> None:
    found = lung_rads_at_baseline((solid(9.0, texture=None),), LungRadsExam())
    assert found.advice.ruling is None
    assert set(found.advice.categories) >= {"2", "4A"}


@pytest.mark.parametrize("status", ["new", "stable", "growing"])
def test_a_later_scan_is_no_baseline(status) -> None:
    assert lung_rads_at_baseline((solid(7.0, status=status),), LungRadsExam()) is None
    assert lung_rads_at_baseline((solid(7.0),), LungRadsExam(round="follow-up")) is None


@given(
    sizes=st.lists(st.floats(2, 30), max_size=2),
    texture=st.sampled_from(["solid", "ground-glass"]),
    spiculated=st.sampled_from([None, False, True]),
    complete=st.sampled_from([None, False, True]),
)
def test_it_is_one_of_those_that_are_possible(sizes, texture, spiculated, complete) -> None:
    nodules = tuple(solid(size, texture=texture, spiculated=spiculated) for size in sizes)
    exam = LungRadsExam(lungs_complete=complete)
    found = lung_rads_at_baseline(nodules, exam)
    assert set(found.advice.categories) <= set(lung_rads_exam(nodules, exam).categories)
