"""The category of a whole screening CT by Lung-RADS v2022."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodulus.app.guidelines.lung_rads_exam import LungRadsExam, lung_rads_exam
from tests.app.guidelines.test_lung_rads import nodule

EXAM = LungRadsExam(
    round="baseline", known_lung_cancer=False, lungs_complete=True, inflammation=False
)


def exam(*nodules, **other):
    return lung_rads_exam(nodules, replace(EXAM, **other))


def test_an_exam_has_the_category_of_its_most_suspicious_nodule():
    assert exam(nodule("baseline", 5.0), nodule("baseline", 9.0)).category == "4A"


def test_an_exam_without_nodules():
    assert exam().category == "1"


def test_an_exam_with_cysts_alone_that_the_guideline_does_not_classify():
    assert exam(nodule("baseline", 20.0, cyst="thin-walled")).category == "1"


@pytest.mark.parametrize(
    "other",
    [
        {"lungs_complete": False},
        {"inflammation": True},
        {"round": "follow-up", "prior_compared": False},
    ],
)
def test_an_exam_that_is_not_complete_is_category_0(other):
    assert exam(nodule("baseline", 9.0), **other).category == "0"


def test_the_modifier_replaces_no_category():
    assert exam(nodule("baseline", 9.0), significant_other_finding=True).category == "4AS"


def test_a_known_lung_cancer_is_no_screening():
    assert exam(known_lung_cancer=True).not_applicable


def test_an_exam_of_which_something_is_unknown_has_no_certain_category():
    advice = exam(nodule("baseline", 9.0), lungs_complete=None)
    assert advice.category is None
    assert set(advice.categories) == {"0", "4A"}
    assert advice.missing == ("lungs_complete",)


def test_an_unknown_below_the_worst_nodule_changes_nothing():
    advice = exam(
        nodule("baseline", 16.0, spiculated=True), nodule("baseline", 7.0, spiculated=None)
    )
    assert advice.category == "4X"


def test_an_unknown_above_the_worst_known_nodule_is_told():
    advice = exam(nodule("baseline", 9.0), nodule("baseline", 7.0, spiculated=None))
    assert advice.category is None
    assert "4X" in advice.categories
