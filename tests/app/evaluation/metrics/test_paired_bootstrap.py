"""Differences between two systems, with the same scans drawn for both."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.evaluation.metrics.froc import froc_curve
from nodulus.app.evaluation.metrics.paired_bootstrap import (
    at_operating_point,
    paired_bootstrap,
    sensitivities_at,
)
from nodulus.bundles.common.metrics.luna16_match import MarkMatch

RATES = (0.25, 1.0, 4.0)


def a_match(seed: int, scans: int = 6, nodules: int = 9, false: int = 20) -> MarkMatch:
    rng = np.random.default_rng(seed)
    score = np.where(rng.random(nodules) < 0.2, np.nan, rng.random(nodules).round(2))
    return MarkMatch(
        scans, np.arange(nodules) % (scans - 1), score, rng.integers(scans, size=false),
        rng.random(false).round(2) * 0.9, nodules + false, 0, 0, 0,
    )  # fmt: skip


def repeated(match: MarkMatch, drawn: np.ndarray) -> MarkMatch:
    """The drawn scans as scans of their own."""

    def own(scan: np.ndarray) -> np.ndarray:
        return np.concatenate([np.flatnonzero(scan == one) for one in drawn])

    nodules, false = own(match.nodule_scan), own(match.false_scan)
    return MarkMatch(
        match.scans, np.zeros(len(nodules), int), match.nodule_score[nodules],
        np.zeros(len(false), int), match.false_score[false], 0, 0, 0, 0,
    )  # fmt: skip


def test_the_intervals_are_those_of_curves_of_the_drawn_scans() -> None:
    one, other = a_match(1), a_match(2)
    found = paired_bootstrap(
        sensitivities_at(one, RATES), sensitivities_at(other, RATES), 6, 40, 0.9, seed=5
    )
    draw = np.random.default_rng(5)
    gaps = []
    for _ in range(40):
        drawn = draw.integers(6, size=6)
        a, b = (froc_curve(repeated(m, drawn)).sensitivity_at(RATES) for m in (one, other))
        gaps.append(b - a)
    lower, upper = np.quantile(gaps, [0.05, 0.95], axis=0)
    for n, own in enumerate(found):
        assert own.first == pytest.approx(froc_curve(one).sensitivity_at(RATES[n]))
        assert own.difference.value == pytest.approx(own.second - own.first)
        assert own.difference.lower == pytest.approx(lower[n])
        assert own.difference.upper == pytest.approx(upper[n])
        assert own.samples == 40
    assert any(own.difference.lower < own.difference.upper for own in found)


def test_a_system_does_not_differ_from_itself() -> None:
    same = sensitivities_at(a_match(1), RATES)
    for own in paired_bootstrap(same, same, 6, 50):
        assert (own.difference.lower, own.difference.value, own.difference.upper) == (0, 0, 0)


def test_known_values_at_the_operating_point() -> None:
    # Two scans of one nodule: A finds the first, B both; B marks 3 other places in the second.
    one = at_operating_point(np.array([1, 0]), np.array([1, 1]), np.array([0, 1]))
    other = at_operating_point(np.array([1, 1]), np.array([1, 1]), np.array([0, 3]))
    found, marks = paired_bootstrap(one, other, 2, 400)
    assert (found.first, found.second) == (0.5, 1.0)
    assert (found.difference.lower, found.difference.upper) == (0.0, 1.0)
    assert (marks.first, marks.second) == (0.5, 1.5)
    # The second scan is drawn never, once or twice.
    assert (marks.difference.lower, marks.difference.upper) == (0.0, 2.0)


def test_samples_without_a_nodule_are_left_out() -> None:
    measure = at_operating_point(np.array([1, 0]), np.array([1, 0]), np.array([0, 0]))
    found, _ = paired_bootstrap(measure, measure, 2, 100)
    assert 50 < found.samples < 100


@pytest.mark.parametrize(("scans", "samples"), [(1, 100), (6, 0)])
def test_no_interval_of_one_scan_or_no_samples(scans: int, samples: int) -> None:
    ones = np.ones(scans, int)
    measure = at_operating_point(ones, ones, ones)
    assert paired_bootstrap(measure, measure, scans, samples)[0].samples == 0


def test_no_nodule_is_refused() -> None:
    none = at_operating_point(np.zeros(2, int), np.zeros(2, int), np.ones(2, int))
    with pytest.raises(ValueError, match="at least one nodule"):
        paired_bootstrap(none, none, 2)
