from __future__ import annotations

import numpy as np
import pytest

from app.chain.temperature import tempered
from app.evaluation.chain_report import candidate_scores
from app.evaluation.matched import MatchedScan, match_results
from app.evaluation.operating_points import choose_operating_points
from app.evaluation.temperatures import at_temperatures
from app.results.model import OperatingPoint
from bundles.common.data.tables import Nodule
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
            marks.append((place, *(float(tempered(p, 1 / 2.5)) for p in (honest, rated))))
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


def test_temperatures_are_found_and_keep_the_choice(scans: tuple[MatchedScan, ...]) -> None:
    plain = choose_operating_points(scans, 0.9, 0.0, 0.9)
    points = choose_operating_points(scans, 0.9, 0.0, 0.9, temperatures=True)
    assert points.nodule.temperature == pytest.approx(2.5, rel=0.3)
    assert points.malignancy.temperature == pytest.approx(2.5, rel=0.4)
    assert "temperature from 240 candidates" in points.nodule.chosen_on
    for name in ("nodule", "malignancy"):
        before, after = getattr(plain, name), getattr(points, name)
        moved = float(tempered(before.threshold, after.temperature))
        assert after.threshold == pytest.approx(moved, abs=0.01)


def test_a_second_fit_finds_nothing_left(scans: tuple[MatchedScan, ...]) -> None:
    first = choose_operating_points(scans, 0.9, 0.0, 0.9, temperatures=True)
    again = at_temperatures(scans, first.nodule.temperature, first.malignancy.temperature)
    applied = [
        scan.result.model_copy(update={"operating_points": first.listed()}) for scan in again
    ]
    nodules = [n for scan in scans for n in scan.nodules]
    second = choose_operating_points(
        match_results(applied, nodules), 0.9, 0.0, 0.9, temperatures=True
    )
    # The run's temperature and the new one multiply.
    assert second.nodule.temperature == pytest.approx(first.nodule.temperature, rel=1e-3)
    assert second.malignancy.temperature == pytest.approx(first.malignancy.temperature, rel=1e-3)


def test_results_of_two_runs_are_refused(scans: tuple[MatchedScan, ...]) -> None:
    other = OperatingPoint(name="nodule", threshold=0.9, chosen_on="another run")
    points = tuple(other if p.name == "nodule" else p for p in scans[0].result.operating_points)
    mixed = match_results(
        [scans[0].result.model_copy(update={"operating_points": points}), scans[1].result], []
    )
    with pytest.raises(ValueError, match="2 different operating points"):
        choose_operating_points(mixed, 0.9, 1.0, 0.9)
