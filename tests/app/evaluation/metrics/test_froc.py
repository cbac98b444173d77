"""The FROC curve and its seven sensitivities."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from nodulus.app.evaluation.metrics.froc import CPM_RATES, froc_curve
from nodulus.bundles.common.metrics.luna16_match import NO_PLACES, match_marks
from tests.bundles.common.metrics.luna16_by_hand import count, sensitivity_at
from tests.bundles.common.metrics.submissions import as_places, made_up


def match(rows):
    series, nodules, excluded, marks = rows
    return match_marks(
        len(series), *(as_places(table, series) for table in (marks, nodules, excluded))
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("decimals", [1, 6])
def test_the_seven_sensitivities_are_those_of_exact_fractions(seed, decimals):
    rows = made_up(seed, decimals=decimals)
    curve = froc_curve(match(rows))
    on_nodules, alarms, _, _ = count(*rows)
    # A little beside the rates: exactly on them rounding decides on which side of a step they lie.
    beside = [rate * 1.0001 for rate in CPM_RATES]
    expected = [sensitivity_at(on_nodules, alarms, len(rows[0]), rate) for rate in beside]
    np.testing.assert_allclose(curve.sensitivity_at(beside), expected, atol=1e-12)
    assert 0 < expected[0] < expected[-1] < 1
    assert curve.cpm == np.mean(curve.sensitivity_at([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]))


def test_the_curve_is_scikit_learns_scaled_by_lesions_and_scans():
    found = match(made_up(7))
    curve = froc_curve(found)
    hits = found.nodule_score[np.isfinite(found.nodule_score)]
    truth = np.arange(len(hits) + found.false_positives) < len(hits)
    fpr, tpr, threshold = roc_curve(
        truth, np.concatenate([hits, found.false_score]), drop_intermediate=False
    )
    np.testing.assert_array_equal(curve.threshold, threshold)
    # Bit by bit: on which side of a step 1/8 lies depends on it.
    np.testing.assert_array_equal(
        curve.false_positives_per_scan, fpr * found.false_positives / found.scans
    )
    np.testing.assert_array_equal(curve.sensitivity, tpr * len(hits) / len(found.nodule_score))


def test_without_false_alarms_the_sensitivity_is_the_same_everywhere():
    nodules = as_places([("s", 0, 0, 0, 9.0), ("s", 50, 0, 0, 9.0)], ["s"])
    curve = froc_curve(match_marks(1, as_places([("s", 0, 0, 0, 0.3)], ["s"]), nodules))
    np.testing.assert_array_equal(curve.sensitivity_at(CPM_RATES), 0.5)


def test_without_marks_nothing_is_found():
    nodules = as_places([("s", 0, 0, 0, 9.0)], ["s"])
    assert froc_curve(match_marks(3, NO_PLACES, nodules)).cpm == 0.0


def test_no_nodule_no_curve():
    with pytest.raises(ValueError, match="at least one nodule"):
        froc_curve(match_marks(1, as_places([("s", 0, 0, 0, 0.3)], ["s"]), NO_PLACES))


def test_a_probability_must_be_a_number():
    nodules = as_places([("s", 0, 0, 0, 9.0)], ["s"])
    marks = as_places([("s", 90, 0, 0, float("nan"))], ["s"])
    with pytest.raises(ValueError, match="not a finite number"):
        froc_curve(match_marks(1, marks, nodules))
