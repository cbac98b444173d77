"""The Herder model, with the Mayo model before it."""

from __future__ import annotations

import pytest

from nodulus.app.guidelines.herder import herder
from nodulus.app.guidelines.mayo import mayo
from nodulus.app.guidelines.risk import RiskEstimate
from tests.app.guidelines.mayo_cases import mayo_inputs


@pytest.mark.parametrize(
    ("uptake", "expected"),
    [("none", 0.0189), ("faint", 0.1644), ("moderate", 0.6613), ("intense", 0.6949)],
)
def test_herder_after_mayo(uptake, expected):
    before = mayo(mayo_inputs(62, 1, 0, 0, 1, 12))
    assert before.probability == pytest.approx(0.2144, abs=6e-5)
    assert herder(before, uptake).probability == pytest.approx(expected, abs=6e-5)


def test_herder_of_a_given_probability():
    given = RiskEstimate("Mayo", "", 0.187, 0.187)
    assert herder(given, "intense").probability == pytest.approx(0.673, abs=6e-4)


def test_herder_without_pet_is_a_range():
    estimate = herder(mayo(mayo_inputs(62, 1, 0, 0, 1, 12)), None)
    assert (estimate.low, estimate.high) == pytest.approx((0.0189, 0.6949), abs=6e-5)
    assert estimate.missing == ("uptake",)


def test_herder_is_for_whom_mayo_is():
    assert herder(
        mayo(mayo_inputs(62, 1, 0, 0, 1, 12, lung_cancer_before=True)), "none"
    ).not_applicable
