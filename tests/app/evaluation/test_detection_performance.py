"""Sensitivity and false positives of the chain, and thresholds that give a wanted one."""

from __future__ import annotations

import pytest

from nodulus.app.evaluation.detection_performance import evaluate
from nodulus.app.evaluation.match_results import MatchedScan, match_results
from nodulus.app.evaluation.operating_points import (
    malignancy_threshold,
    nodule_threshold,
    threshold_at_sensitivity,
)
from nodulus.bundles.common.data.tables import Nodule
from tests.app.evaluation.results import make_result

NODULES = [
    Nodule("a", (0, 0, 0), 10, malignancy=5),
    Nodule("a", (50, 0, 0), 5, malignancy=1),
    Nodule("b", (0, 0, 0), 20, malignancy=4),
    Nodule("c", (9, 9, 9), 7),
]


@pytest.fixture
def scans() -> tuple[MatchedScan, ...]:
    return match_results(
        [
            make_result(
                "a",
                [
                    ((1, 0, 0), 0.9, 0.8),  # on the first nodule
                    ((0, 4.9, 0), 0.7, 0.3),  # on it again: neither a hit nor a false alarm
                    ((52, 0, 0), 0.4, 0.2),  # on the second, below the threshold
                    ((90, 0, 0), 0.6, 0.9),  # on nothing
                ],
                threshold=0.5,
            ),
            make_result("b", [((0, 0, 11), 0.95, 0.7), ((40, 0, 0), 0.1, 0.1)], threshold=0.5),
        ],
        NODULES,
    )


def test_counts(scans: tuple[MatchedScan, ...]) -> None:
    figures = evaluate(scans)
    rows = {row.group: row for row in figures.rows}
    # The nodule of scan c is not counted: nobody looked at that scan.
    assert (rows["all"].nodules, rows["all"].found, rows["all"].seen) == (3, 1, 2)
    assert rows["malignant (rating above 3)"].sensitivity == 0.5
    assert rows["6 to 10 mm"].sensitivity is None
    assert figures.false_positives_per_scan == 1.0  # one in a; one in b, outside the radius of 10
    assert figures.false_candidates_per_scan == 1.5
    assert figures.malignancy_auc is None


def test_malignancy_auc_counts_pairs() -> None:
    nodules = [
        Nodule("a", (x, 0, 0), 10, malignancy=m) for x, m in ((0, 5), (30, 4), (60, 1), (90, 2))
    ]
    marks = [
        ((x, 0.0, 0.0), 0.9, p) for x, p in ((0.0, 0.9), (30.0, 0.4), (60.0, 0.4), (90.0, 0.6))
    ]
    figures = evaluate(match_results([make_result("a", marks, 0.5)], nodules))
    # Pairs: 0.9 beats both; 0.4 ties one and loses one.
    assert figures.malignancy_auc == pytest.approx((1 + 1 + 0.5 + 0) / 4)


@pytest.mark.parametrize(
    ("sensitivity", "expected"), [(1.0, 0.1), (0.75, 0.3), (0.5, 0.6), (0.01, 0.9)]
)
def test_threshold_at_sensitivity(sensitivity: float, expected: float) -> None:
    assert threshold_at_sensitivity([0.3, 0.9, 0.6, 0.1], sensitivity) == pytest.approx(expected)


def test_no_positives_no_threshold() -> None:
    with pytest.raises(ValueError, match="no positives"):
        threshold_at_sensitivity([], 0.9)


def test_the_nodule_threshold_keeps_what_it_says(scans: tuple[MatchedScan, ...]) -> None:
    threshold, words = nodule_threshold(scans, sensitivity=1.0, max_false_positives=0.0)
    assert threshold == pytest.approx(0.4, abs=1e-3)
    assert "sensitivity 0.667" in words


def test_allowed_false_positives_lower_the_nodule_threshold(scans: tuple[MatchedScan, ...]) -> None:
    # False alarms at 0.95, 0.6 and 0.1 in two scans: one a scan is the first two.
    threshold, words = nodule_threshold(scans, sensitivity=0.5, max_false_positives=1.0)
    assert 0.1 < threshold < 0.11
    assert "1.00 false positives" in words


def test_the_malignancy_threshold_needs_a_malignant_finding(scans: tuple[MatchedScan, ...]) -> None:
    threshold, _ = malignancy_threshold(scans, 0.9)
    assert threshold == pytest.approx(0.8)
    with pytest.raises(ValueError, match="no positives"):
        malignancy_threshold(scans[1:], 0.9)
