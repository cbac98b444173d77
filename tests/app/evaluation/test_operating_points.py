"""Operating points chosen of the chain's results, and recalibrations."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.evaluation.chain_report import candidate_scores
from nodulus.app.evaluation.match_results import MatchedScan, match_results
from nodulus.app.evaluation.operating_points import choose_operating_points
from nodulus.app.evaluation.recalibrations import Method, Recalibration, recalibrate
from nodulus.app.result import OperatingPoint
from nodulus.bundles.common.data.tables import Nodule
from tests.app.evaluation.results import make_result


@pytest.fixture
def scans() -> tuple[MatchedScan, ...]:
    """Overconfident probabilities: log odds 2.5 times too large."""
    draw = np.random.default_rng(1)
    nodules, results = [], []
    for n in range(6):
        marks = []
        for k in range(40):
            honest = draw.uniform(0.05, 0.95)
            place = (30.0 * k, 0.0, 0.0)
            rated = draw.uniform(0.05, 0.95)
            marks.append((place, *(float(recalibrated(p, 1 / 2.5)) for p in (honest, rated))))
            if draw.random() < honest:
                rating = 5 if draw.random() < rated else 1
                nodules.append(Nodule(f"s{n}", place, 10, malignancy=rating))
        results.append(make_result(f"s{n}", marks, threshold=0.0))
    return match_results(results, nodules)


def test_thresholds_are_chosen_and_the_segmentations_kept(scans: tuple[MatchedScan, ...]) -> None:
    points = choose_operating_points(scans, 0.9, 0.0, 0.9)
    assert points.segmentation_voxel == scans[0].result.operating_points[0]
    assert points.nodule.temperature == 1.0
    assert "6 validation scans" in points.nodule.chosen_on
    scores, truth = (np.asarray(v) for v in candidate_scores(scans))
    assert np.mean(scores[truth] >= points.nodule.threshold) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_recalibrations_are_found_and_keep_the_choice(
    scans: tuple[MatchedScan, ...], method: Method
) -> None:
    plain = choose_operating_points(scans, 0.9, 0.0, 0.9)
    points = choose_operating_points(scans, 0.9, 0.0, 0.9, method)
    assert points.nodule.temperature == pytest.approx(2.5, rel=0.3)
    assert points.malignancy.temperature == pytest.approx(2.5, rel=0.4)
    assert points.nodule.offset == pytest.approx(0.0, abs=0.4)
    assert f"{method} scaling from 240 candidates" in points.nodule.chosen_on
    for name in ("nodule", "malignancy"):
        before, after = getattr(plain, name), getattr(points, name)
        moved = float(recalibrated(before.threshold, after.temperature, after.offset))
        assert after.threshold == pytest.approx(moved, abs=0.01)


def test_platt_mends_a_prior_that_is_off(scans: tuple[MatchedScan, ...]) -> None:
    off = recalibrate(scans, Recalibration(1.0, 1.5), Recalibration())
    straight = choose_operating_points(scans, 0.9, 0.0, 0.9, "platt").nodule
    points = choose_operating_points(off, 0.9, 0.0, 0.9, "platt")
    assert points.nodule.temperature == pytest.approx(straight.temperature, rel=0.02)
    # The offset of 1.5 was added before the division.
    wanted = straight.offset - 1.5 / straight.temperature
    assert points.nodule.offset == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_a_second_fit_finds_nothing_left(scans: tuple[MatchedScan, ...], method: Method) -> None:
    first = choose_operating_points(scans, 0.9, 0.0, 0.9, method)
    fits = [Recalibration(p.temperature, p.offset) for p in (first.nodule, first.malignancy)]
    applied = [
        scan.result.model_copy(update={"operating_points": first.listed()})
        for scan in recalibrate(scans, *fits)
    ]
    nodules = [n for scan in scans for n in scan.nodules]
    second = choose_operating_points(match_results(applied, nodules), 0.9, 0.0, 0.9, method)
    # The run's recalibration and the new one follow each other.
    for old, new in ((first.nodule, second.nodule), (first.malignancy, second.malignancy)):
        assert new.temperature == pytest.approx(old.temperature, rel=1e-3)
        assert new.offset == pytest.approx(old.offset, abs=2e-3)


def test_results_of_two_runs_are_refused(scans: tuple[MatchedScan, ...]) -> None:
    other = OperatingPoint(name="nodule", threshold=0.9, chosen_on="another run")
    points = tuple(other if p.name == "nodule" else p for p in scans[0].result.operating_points)
    mixed = match_results(
        [scans[0].result.model_copy(update={"operating_points": points}), scans[1].result], []
    )
    with pytest.raises(ValueError, match="2 different operating points"):
        choose_operating_points(mixed, 0.9, 1.0, 0.9)


def test_the_nodule_point_may_stay(scans: tuple[MatchedScan, ...]) -> None:
    both = choose_operating_points(scans, 0.9, 0.0, 0.9, "platt")
    one = choose_operating_points(scans, 0.9, 0.0, 0.9, "platt", keep_nodule=True)
    assert one.malignancy == both.malignancy
    assert one.nodule == scans[0].result.operating_points[2]
    assert one.nodule != both.nodule
