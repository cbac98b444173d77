"""Operating points of the nodule probability, and the share of the two networks in it."""

from __future__ import annotations

import pytest

from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.evaluation.match_results import MatchedScan, match_results
from nodulus.app.evaluation.nodule_points import choose_nodule_points, threshold_at_rate
from nodulus.app.evaluation.scans.lesion_rows import ScanOfKnown
from nodulus.app.evaluation.scans.scan_table import ScanRow
from nodulus.app.evaluation.share_by_lesions import choose_pooling
from nodulus.app.result import CandidateRecord, OperatingPoint
from nodulus.bundles.common.data.tables import Nodule
from tests.app.evaluation.results import make_result

PLACES = [(100.0 * n, 0.0, 0.0) for n in range(8)]
POINTS = tuple(
    OperatingPoint(name=n, threshold=0.3, chosen_on="a test")
    for n in ("segmentation_voxel", "segmentation_peak", "nodule", "malignancy")
)


def candidate(place: tuple[float, float, float], peak: float, classified: float) -> CandidateRecord:
    return CandidateRecord(
        center_lps_mm=place,
        volume_mm3=100,
        segmentation_probability=peak,
        nodule_probability=0.5,
        classifier_probability=classified,
        kept=False,
        reason="a test",
    )


def scan(
    uid: str,
    marks: list[tuple[float, float]],
    lesions: int,
    *,
    is_complete: bool = True,
    use: str = "validation",
) -> ScanOfKnown:
    """Candidates with (peak, classifier) at PLACES; the first so many are lesions."""
    result = make_result(uid, [], 0.5).model_copy(
        update={
            "candidates": tuple(
                candidate(PLACES[n], peak, own) for n, (peak, own) in enumerate(marks)
            ),
            "operating_points": POINTS,
        }
    )
    nodules = [Nodule(uid, PLACES[n], 20.0) for n in range(lesions)]
    (match,) = match_results([result], nodules)
    facts = ScanRow(uid, f"patient of {uid}", is_complete, use)  # type: ignore[arg-type]
    return ScanOfKnown(facts, match, {})


def scans(lesion: tuple[float, float], other: tuple[float, float]) -> list[ScanOfKnown]:
    return [scan(str(n), [lesion, other, (0.3, 0.3), (0.28, 0.2)], 1) for n in range(4)]


def points() -> OperatingPoints:
    return load_settings().operating_points.model_copy(
        update=dict(zip(OperatingPoints.model_fields, POINTS, strict=False))
    )


def test_pooling_follows_the_network_that_ranks_better() -> None:
    by_segmentation = choose_pooling(scans((0.95, 0.4), (0.4, 0.95)))
    assert by_segmentation.share > 0.5
    by_classifier = choose_pooling(scans((0.4, 0.95), (0.95, 0.4)))
    assert by_classifier.share < 0.5
    assert by_classifier.lesions == 4
    assert by_classifier.found["classifier"][0] == pytest.approx(4.0)
    assert by_classifier.found["segmentation"][0] < 4.0
    assert set(by_classifier.by_patient) == {f"patient of {n}" for n in range(4)}
    assert all(share < 0.5 for share in by_classifier.by_patient.values())
    assert by_classifier.found["left out"][0] == pytest.approx(4.0)


def test_pooling_that_does_not_matter_is_half_and_half() -> None:
    assert choose_pooling(scans((0.95, 0.95), (0.4, 0.4))).share == 0.5


def false_marks(probabilities: list[float]) -> MatchedScan:
    marks = [(PLACES[n], p, 0.0) for n, p in enumerate(probabilities)]
    return match_results([make_result("1", marks, 0.0)], [])[0]


def test_a_threshold_keeps_to_the_rate() -> None:
    two = [false_marks([0.9, 0.7, 0.5, 0.3]), false_marks([0.8, 0.2])]
    threshold = threshold_at_rate([two], 1.0)
    assert 0.7 < threshold < 0.8  # 0.9 and 0.8 pass: one a scan
    assert sum((s.candidates.false_scores >= threshold).sum() for s in two) == 2
    assert threshold_at_rate([two], 4.0) == 0.01
    # A second kind of scans counts as much as the first, however many there are.
    other = [false_marks([]), false_marks([]), false_marks([0.6] * 4)]
    assert threshold_at_rate([two, other], 1.0) < threshold


def test_three_points_from_few_other_marks_to_many() -> None:
    real = [
        scan("a", [(0.9, 0.9), (0.8, 0.8), (0.7, 0.6), (0.6, 0.6), (0.5, 0.5), (0.4, 0.4)], 1),
        scan("b", [(0.9, 0.8), (0.65, 0.75), (0.5, 0.4), (0.4, 0.3), (0.35, 0.3), (0.3, 0.3)], 1),
        scan("c", [(0.95, 0.8), (0.5, 0.5)], 1, is_complete=False),
    ]
    chosen = choose_nodule_points(real, points())
    thresholds = {n: c.threshold for n, c in chosen.points.nodule_choices.items()}
    assert thresholds["sensitive"] < thresholds["balanced"] < thresholds["specific"]
    nodule = chosen.points.nodule
    assert (nodule.choice, nodule.threshold) == ("sensitive", thresholds["sensitive"])
    assert "2 completely marked real scans: 2 of 2 lesions found, 4.00" in nodule.chosen_on
    assert "1 partly marked real scans: 1 of 1" in nodule.chosen_on
    assert "platt scaling" in nodule.chosen_on
    complete, partly = chosen.left_out["balanced"]
    assert "of 2 lesions found" in complete
    assert "of 1 lesions found" in partly
    # The file that it makes opens, and each name can be asked for.
    again = OperatingPoints.model_validate_json(chosen.points.model_dump_json())
    assert again.at("specific").nodule.threshold == thresholds["specific"]
    assert again.at("specific").nodule.choice == "specific"


def test_nothing_is_chosen_on_a_test_scan() -> None:
    real = [*scans((0.9, 0.9), (0.3, 0.3)), scan("t", [(0.9, 0.9)], 1, use="test")]
    with pytest.raises(ValueError, match="1 of the scans are for tests alone: t"):
        choose_nodule_points(real, points())


def test_results_of_other_settings_are_refused() -> None:
    moved = points().nodule.model_copy(update={"offset": -2.0})
    other = points().model_copy(update={"nodule": moved})
    with pytest.raises(ValueError, match="0 was analysed with other settings"):
        choose_nodule_points(scans((0.9, 0.9), (0.3, 0.3)), other)


def test_without_a_completely_marked_scan_there_is_no_rate() -> None:
    with pytest.raises(ValueError, match="in no scan all lesions are marked"):
        choose_nodule_points([scan("c", [(0.9, 0.9)], 1, is_complete=False)], points())
