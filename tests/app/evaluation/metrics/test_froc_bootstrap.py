"""The FROC's bootstrap over scans is that of a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nodulus.app.evaluation.metrics.froc_bootstrap import bootstrap_froc
from nodulus.bundles.common.metrics.luna16_match import NO_PLACES, match_marks
from tests.bundles.common.metrics.luna16_by_hand import count, sensitivity_at
from tests.bundles.common.metrics.submissions import as_places, made_up

RATES = (0.125, 0.25, 0.5)


def match(rows):
    series, nodules, excluded, marks = rows
    return match_marks(
        len(series), *(as_places(table, series) for table in (marks, nodules, excluded))
    )


def test_agrees_with_a_loop_over_the_same_draws():
    # No step of the curve lies at exactly 1/8, 1/4 or 1/2 of 23 scans, where rounding would decide.
    rows = made_up(3, scans=23)
    series = rows[0]
    on_nodules, alarms, _, _ = count(*rows)
    draw = np.random.RandomState(11)
    values = []
    for _ in range(40):
        drawn = [series[n] for n in draw.randint(len(series), size=len(series))]
        lesions = [row for uid in drawn for row in on_nodules if row[0] == uid]
        false = [row for uid in drawn for row in alarms if row[0] == uid]
        values.append([sensitivity_at(lesions, false, len(series), r) for r in RATES])
    rising = np.sort(np.asarray(values), axis=0)
    tail = (1 - 0.9) / 2
    low, high = math.floor(tail * 40), math.floor((1 - tail) * 40)
    band = bootstrap_froc(match(rows), samples=40, confidence=0.9, seed=11)
    np.testing.assert_allclose([b.mean for b in band.rates[:3]], np.mean(values, axis=0), atol=1e-9)
    np.testing.assert_allclose([b.lower for b in band.rates[:3]], rising[low])
    np.testing.assert_allclose([b.upper for b in band.rates[:3]], rising[high])
    assert band.cpm.mean == pytest.approx(np.mean([b.mean for b in band.rates]))
    assert band.cpm.lower < band.cpm.mean < band.cpm.upper
    assert band.mean[0] == pytest.approx(band.rates[0].mean, abs=1e-6)
    assert (band.lower <= band.mean).all()
    assert (band.mean <= band.upper).all()


def test_the_seed_decides():
    found = match(made_up(1))
    one, two, other = (bootstrap_froc(found, 20, seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(one.mean, two.mean)
    assert one.cpm == two.cpm != other.cpm


def test_samples_without_a_nodule_are_left_out():
    nodules = as_places([("a", 0, 0, 0, 9.0)], ["a", "b"])
    band = bootstrap_froc(match_marks(2, NO_PLACES, nodules), samples=200, seed=0)
    assert 0 < band.samples < 200
    assert band.cpm.mean == 0.0


def test_arguments_are_checked():
    found = match(made_up(1))
    with pytest.raises(ValueError, match="0 samples"):
        bootstrap_froc(found, 0)
    with pytest.raises(ValueError, match="confidence of 1"):
        bootstrap_froc(found, 10, confidence=1)
