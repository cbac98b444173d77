"""Marks are matched as a plain loop by LUNA16's rules matches them."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.bundles.common.metrics.luna16_match import NO_PLACES, Places, match_marks
from tests.bundles.common.metrics.luna16_by_hand import count
from tests.bundles.common.metrics.submissions import as_places, made_up


def places(*rows):
    return as_places([("s", *row) for row in rows], ["s"])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_counts_as_a_plain_loop_does(seed, decimals):
    series, nodules, excluded, marks = made_up(seed, decimals=decimals)
    found = match_marks(
        len(series), *(as_places(rows, series) for rows in (marks, nodules, excluded))
    )
    on_nodules, alarms, ignored, doubled = count(series, nodules, excluded, marks)
    # The loop goes by series, the match keeps the order of the table.
    order = np.argsort(found.nodule_scan, kind="stable")
    expected = [np.nan if p is None else p for _, p in on_nodules]
    np.testing.assert_array_equal(found.nodule_score[order], expected)
    assert sorted(found.false_score) == sorted(p for _, p in alarms)
    assert (found.ignored_marks, found.duplicate_marks) == (ignored, doubled)
    assert found.true_positives + found.false_negatives == len(nodules)
    assert found.surplus_marks > 0
    assert found.counted_marks + found.surplus_marks == len(marks)


def test_a_mark_on_the_border_is_a_false_alarm():
    nodule = places((0, 0, 0, 10.0))
    assert match_marks(1, places((3, 4, 0, 0.5)), nodule).false_positives == 1
    assert match_marks(1, places((3, 3.999, 0, 0.5)), nodule).true_positives == 1


def test_a_mark_in_two_nodules_finds_both():
    found = match_marks(1, places((3, 0, 0, 0.5)), places((0, 0, 0, 10.0), (6, 0, 0, 10.0)))
    assert (found.true_positives, found.false_positives, found.duplicate_marks) == (2, 0, 0)


def test_the_most_probable_mark_of_a_nodule_counts():
    found = match_marks(1, places((0, 0, 0, 0.2), (1, 0, 0, 0.9)), places((0, 0, 0, 10.0)))
    assert found.nodule_score.tolist() == [0.9]
    assert (found.duplicate_marks, found.false_positives) == (1, 0)


def test_an_excluded_finding_of_unknown_size_is_taken_for_10_mm():
    marks = places((4.9, 0, 0, 0.5), (5.1, 0, 0, 0.5))
    found = match_marks(1, marks, NO_PLACES, places((0, 0, 0, -1.0)))
    assert (found.ignored_marks, found.false_positives) == (1, 1)


def test_a_mark_on_a_nodule_and_an_excluded_finding_is_a_hit():
    found = match_marks(1, places((0, 0, 0, 0.5)), places((0, 0, 0, 8.0)), places((0, 0, 0, 8.0)))
    assert (found.true_positives, found.ignored_marks) == (1, 0)


def test_marks_that_tie_with_the_first_one_too_many_go():
    scores = [0.9, 0.5, 0.5, 0.5]
    marks = places(*((100.0 * n, 0, 0, p) for n, p in enumerate(scores)))
    assert match_marks(1, marks, NO_PLACES, max_marks=2).false_score.tolist() == [0.9]
    assert match_marks(1, marks, NO_PLACES, max_marks=4).counted_marks == 4
    assert match_marks(1, marks, NO_PLACES, max_marks=None).counted_marks == 4


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="2 scans"):
        Places(np.zeros(2, np.int64), np.zeros((1, 3)), np.zeros(2))
