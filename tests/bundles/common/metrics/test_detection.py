"""Metrics of detection over scans, by the hit rule."""

from __future__ import annotations

import numpy as np
import pytest
from ignite.exceptions import NotComputableError

from nodulus.bundles.common.metrics.detection import (
    CandidatesPerScan,
    DetectionSensitivity,
    FalsePositivesPerScan,
    match_scan,
)

NODULES = [[0, 0, 0], [50, 0, 0]]
DIAMETERS = [10, 6]


def match(centers, scores=None, ignored=None):
    scores = np.linspace(0.9, 0.5, len(centers)) if scores is None else scores
    return match_scan(centers, scores, NODULES, DIAMETERS, ignored)


def test_a_hit_is_closer_than_the_radius_and_not_on_it():
    assert match([[4.99, 0, 0]]).hit.tolist() == [0]
    assert match([[5.0, 0, 0]]).hit.tolist() == [-1]
    assert match([[0, 0, 0], [50, 2.9, 0]]).hit.tolist() == [0, 1]


def test_two_hits_on_one_nodule_count_once_with_the_best_score():
    result = match([[1, 0, 0], [0, 1, 0]], [0.4, 0.8])
    assert result.found[0] == 0.8
    assert np.isnan(result.found[1])
    assert len(result.false_scores) == 0


def test_an_ignored_candidate_is_no_false_alarm_but_may_hit():
    result = match([[99, 0, 0], [0, 0, 0], [80, 0, 0]], [0.9, 0.8, 0.7], [True, True, False])
    assert result.false_scores.tolist() == [0.7]
    assert result.found[0] == 0.8


def test_nothing_found_and_nothing_there():
    assert np.isnan(match(np.zeros((0, 3))).found).all()
    assert match_scan([[1, 2, 3]], [0.5], [], []).false_scores.tolist() == [0.5]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="1 candidates with 2 scores"):
        match([[0, 0, 0]], [1, 2])


def test_metrics_over_scans():
    scans = [match([[0, 0, 0], [99, 0, 0]]), match([[0, 0, 0], [50, 0, 0], [9, 9, 9], [8, 9, 9]])]
    values = []
    for metric in (DetectionSensitivity(), CandidatesPerScan(), FalsePositivesPerScan()):
        for scan in scans:
            metric.update([scan])
        values.append(metric.compute())
    assert values == [0.75, 3.0, 1.5]


def test_no_scan_is_an_error():
    with pytest.raises(NotComputableError, match="CandidatesPerScan"):
        CandidatesPerScan().compute()
    metric = DetectionSensitivity()
    metric.update([match_scan([], [], [], [])])
    with pytest.raises(NotComputableError, match="nodule"):
        metric.compute()
