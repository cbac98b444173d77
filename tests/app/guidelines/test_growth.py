"""Doubling times, their intervals, and proven growth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nodulus.app.guidelines.growth import (
    doubling_days,
    doubling_days_of_diameters,
    volume_change,
)


@pytest.mark.parametrize(
    ("before", "now", "days", "expected"),
    [(100, 125, 90, 279.6), (100, 200, 365, 365.0)],
)
def test_doubling_time_of_volumes(before, now, days, expected):
    assert doubling_days(before, now, days) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("before", "now", "days", "expected"), [(6.0, 7.5, 365, 377.9), (8.0, 9.5, 365, 490.7)]
)
def test_doubling_time_of_diameters(before, now, days, expected):
    assert doubling_days_of_diameters(before, now, days) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("now", [100.0, 80.0])
def test_what_did_not_grow_has_no_doubling_time(now):
    assert doubling_days(100.0, now, 90.0) is None


def test_a_small_change_is_no_proven_change():
    change = volume_change(162, 146, 365, 0.06)
    assert change.share == pytest.approx(-0.0988, abs=5e-5)
    assert change.verdict == "no proven change"
    assert change.doubling_days is None
    assert change.slowest_days is None


def test_growth_is_proven_when_the_whole_interval_grows():
    change = volume_change(100, 200, 365, 0.06)
    half = 1.959964 * math.sqrt(2) * 0.06
    assert change.verdict == "growth"
    assert change.doubling_days == pytest.approx(365)
    assert change.fastest_days == pytest.approx(365 * math.log(2) / (math.log(2) + half), rel=1e-6)
    assert change.slowest_days == pytest.approx(365 * math.log(2) / (math.log(2) - half), rel=1e-6)


def test_shrinking_is_no_number_of_days():
    change = volume_change(200, 100, 90, 0.06)
    assert change.verdict == "shrinking"
    assert (change.doubling_days, change.fastest_days, change.slowest_days) == (None, None, None)


def test_the_interval_holds_the_true_doubling_time_as_often_as_it_says():
    rng = np.random.default_rng(0)
    variation, days = 0.10, 180.0
    true = doubling_days(100.0, 160.0, days)
    inside = []
    for one, two in np.exp(rng.normal(0.0, variation, (2000, 2))):
        change = volume_change(100.0 * one, 160.0 * two, days, variation)
        slowest = change.slowest_days if change.slowest_days is not None else math.inf
        fastest = change.fastest_days if change.fastest_days is not None else math.inf
        inside.append(fastest <= true <= slowest)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    "arguments", [(0, 1, 10, 0.1), (1, 0, 10, 0.1), (1, 1, 0, 0.1), (1, 1, 10, 0.0)]
)
def test_what_cannot_be_is_refused(arguments):
    with pytest.raises(ValueError, match=r"positive|before"):
        volume_change(*arguments)
