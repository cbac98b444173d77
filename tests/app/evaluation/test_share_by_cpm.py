"""The networks' share in the nodule probability, chosen by CPM."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.nodule_probability import combine
from nodulus.app.evaluation.match_results import MatchedScan, match_results
from nodulus.app.evaluation.repooling import SHARES, repooled
from nodulus.app.evaluation.share_by_cpm import choose_segmentation_share
from nodulus.app.result import StudyResult
from nodulus.bundles.common.data.tables import Nodule
from tests.app.evaluation.results import make_result


def scan_of(peaks: list[float], classifier: list[float], hits: list[bool]) -> MatchedScan:
    """A scan with these candidates; those that are hits have a nodule on them."""
    places = [(30.0 * n, 0.0, 0.0) for n in range(len(peaks))]
    pooled = combine(peaks, classifier, 0.5)
    result = make_result("s", [(p, float(v), 0.5) for p, v in zip(places, pooled, strict=True)], 0)
    candidates = tuple(
        c.model_copy(update={"segmentation_probability": a, "classifier_probability": b})
        for c, a, b in zip(result.candidates, peaks, classifier, strict=True)
    )
    result = StudyResult.model_validate({**result.model_dump(), "candidates": candidates})
    nodules = [Nodule("s", p, 8) for p, hit in zip(places, hits, strict=True) if hit]
    return match_results([result], nodules)[0]


HITS = [True, True, True, False, False, False]
GOOD = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1]
BAD = [0.2, 0.1, 0.3, 0.9, 0.8, 0.7]


def test_the_network_that_ranks_well_gets_the_weight() -> None:
    by_peak = choose_segmentation_share([scan_of(GOOD, BAD, HITS)])
    by_classifier = choose_segmentation_share([scan_of(BAD, GOOD, HITS)])
    assert by_peak.share > 0.5 > by_classifier.share
    assert tuple(by_peak.cpm) == SHARES
    assert by_peak.cpm[by_peak.share] == 1.0
    assert by_peak.cpm[0.0] < 0.5


def test_probabilities_are_those_that_the_chain_would_have_given() -> None:
    scan = scan_of(GOOD, BAD, HITS)
    points = tuple(
        p.model_copy(update={"temperature": 2.0, "offset": -1.0}) if p.name == "nodule" else p
        for p in scan.result.operating_points
    )
    result = scan.result.model_copy(update={"operating_points": points})
    moved = repooled(match_results([result], scan.nodules)[0], 0.3)
    odds = [
        0.3 * np.log(a / (1 - a)) + 0.7 * np.log(b / (1 - b))
        for a, b in zip(GOOD, BAD, strict=True)
    ]
    wanted = [1 / (1 + np.exp(-(v / 2 - 1))) for v in odds]
    assert [c.nodule_probability for c in moved.result.candidates] == pytest.approx(wanted)
    by_id = {c.finding_id: c.nodule_probability for c in moved.result.candidates}
    assert {f.id: f.nodule_probability for f in moved.result.findings} == by_id


def test_without_nodules_there_is_no_choice() -> None:
    with pytest.raises(ValueError, match="at least one nodule"):
        choose_segmentation_share([scan_of(GOOD, BAD, [False] * 6)])
