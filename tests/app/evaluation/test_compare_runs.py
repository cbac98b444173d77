"""Two runs on the same scans."""

from __future__ import annotations

import json

import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.compare_runs import compare_runs
from nodulus.app.evaluation.match_results import match_results
from nodulus.app.evaluation.metrics.delong import compare_aucs
from nodulus.app.result import ModelInfo, StudyResult
from nodulus.bundles.common.data.tables import Nodule
from tests.app.evaluation.results import make_result

RATINGS = {"a": [5, 1, 4], "b": [1, 2, 5], "c": [3, 4, None]}
LESIONS = [
    Nodule(uid, (50.0 * n, 0, 0), 10, malignancy=rating)
    for uid, ratings in RATINGS.items()
    for n, rating in enumerate(ratings)
]
OTHER = (0.0, 99.0, 0.0)
# Nodule probability of each lesion, malignancy probability; None has no candidate.
A = {
    "a": [(0.9, 0.8), (0.9, 0.3), (0.2, 0.9)],
    "b": [(0.8, 0.6), (0.7, 0.1), (0.9, 0.5)],
    "c": [(0.7, 0.5), None, (0.9, 0.1)],
}
B = {
    "a": [(0.9, 0.9), (0.9, 0.2), (0.8, 0.9)],
    "b": [(0.8, 0.3), (0.7, 0.5), (0.9, 0.4)],
    "c": [(0.3, 0.5), None, (0.9, 0.1)],
}


def run(marks: dict[str, list[tuple[float, float] | None]], false: float) -> list[StudyResult]:
    """A scan has one mark on nothing beside those on its lesions."""
    return [
        make_result(
            uid,
            [((50.0 * n, 1.0, 0.0), *p) for n, p in enumerate(own) if p] + [(OTHER, false, 0.1)],
            0.5,
        )
        for uid, own in marks.items()
    ]


def compare(first: list[StudyResult], second: list[StudyResult], **options: float) -> dict:
    matched = [match_results(own, LESIONS) for own in (first, second)]
    return json.loads(json.dumps(compare_runs(*matched, **options), allow_nan=False))


def test_who_found_which_lesions() -> None:
    found = compare(run(A, 0.6), run(B, 0.4))
    rows = {row.pop("group"): row for row in found["found"]}
    assert rows["all"] == {
        "lesions": 9, "both": 6, "only_first": 1, "only_second": 1, "neither": 1
    }  # fmt: skip
    assert rows["malignant (rating above 3)"] == {
        "lesions": 4, "both": 2, "only_first": 0, "only_second": 1, "neither": 1
    }  # fmt: skip
    differing = [
        (row["series_uid"], row["first"], row["second"]) for row in found["differing_lesions"]
    ]
    assert differing == [("a", False, True), ("c", True, False)]
    assert found["differing_lesions"][0]["first_probability"] == 0.2
    assert found["differing_lesions"][0]["center_lps_mm"] == [100.0, 0, 0]


def test_measures_of_both_and_their_difference() -> None:
    measures = compare(run(A, 0.6), run(B, 0.4), samples=100)["measures"]
    at_point = measures["sensitivity_at_operating_point"]
    assert (at_point["first"], at_point["second"]) == (pytest.approx(7 / 9), pytest.approx(7 / 9))
    marks = measures["other_marks_per_scan_at_operating_point"]
    # One in every scan of A and none of B: whichever are drawn.
    assert marks["difference"] == {"value": -1.0, "lower": -1.0, "upper": -1.0}
    # 7 lesions lie above all three other marks, an eighth below them: at a rate of 1 all count.
    assert measures["sensitivity_at_0.25"]["first"] == pytest.approx(7 / 9)
    assert measures["sensitivity_at_0.5"]["first"] == pytest.approx(7 / 9)
    assert measures["sensitivity_at_1"]["first"] == pytest.approx(8 / 9)
    assert measures["sensitivity_at_4"]["second"] == pytest.approx(8 / 9)
    gap = measures["sensitivity_at_0.25"]["difference"]
    assert gap["lower"] <= gap["value"] <= gap["upper"]


def test_malignancy_on_the_lesions_that_both_found() -> None:
    malignancy = compare(run(A, 0.6), run(B, 0.4))["malignancy"]
    assert (malignancy["malignant"], malignancy["benign"]) == (2, 3)
    truth = [True, False, False, False, True]
    first, second = [0.8, 0.3, 0.6, 0.1, 0.5], [0.9, 0.2, 0.3, 0.5, 0.4]
    test = compare_aucs(second, first, truth)
    auc = malignancy["auc"]
    assert auc["first"] == pytest.approx(5 / 6)
    assert auc["second"] == pytest.approx(5 / 6)
    assert auc["p_value"] == pytest.approx(test.p_value)
    assert auc["difference"]["upper"] == pytest.approx(test.difference.upper)


def test_differences_are_second_minus_first() -> None:
    worse = {uid: [None, *own[1:]] for uid, own in A.items()}
    for pair, sign in ((run(worse, 0.6), run(A, 0.6)), 1), ((run(A, 0.6), run(worse, 0.6)), -1):
        gap = compare(*pair)["measures"]["sensitivity_at_operating_point"]["difference"]
        assert gap["value"] == pytest.approx(sign * 3 / 9)
    flat = {uid: [p and (p[0], 0.5) for p in own] for uid, own in A.items()}
    assert compare(run(flat, 0.6), run(A, 0.6))["malignancy"]["auc"]["difference"]["value"] > 0


def test_equal_scores_have_no_test() -> None:
    found = compare(run(A, 0.6), run(A, 0.6), samples=0)
    assert found["malignancy"]["auc"]["p_value"] is None
    assert found["malignancy"]["auc"]["difference"] == {"value": 0.0}
    assert found["measures"]["sensitivity_at_1"]["difference"] == {"value": 0.0}


def test_the_order_of_the_scans_does_not_matter() -> None:
    assert compare(run(A, 0.6), run(B, 0.4)[::-1]) == compare(run(A, 0.6), run(B, 0.4))


def test_the_networks_of_each_run_are_named() -> None:
    model = ModelInfo(name="nodule", version="1.0", sha256="ab", trained_on="a test")
    first = [r.model_copy(update={"models": (model,)}) for r in run(A, 0.6)]
    found = compare(first, run(B, 0.4))["models"]
    assert found == [[{"name": "nodule", "version": "1.0", "sha256": "ab", "scans": 3}], []]


def refusal(first: list[StudyResult], second: list[StudyResult]) -> NodulusError:
    with pytest.raises(NodulusError) as error:
        compare(first, second)
    return error.value


def test_other_scans_are_refused() -> None:
    error = refusal(run(A, 0.6), run(B, 0.4)[1:])
    assert error.code is ErrorCode.INPUT_REFUSED
    assert "of 3, 1 only in the first folder (among them a)" in str(error)


def test_another_image_of_that_name_is_refused() -> None:
    moved = run(B, 0.4)
    volume = moved[1].volume
    shifted = ((1.0, 0, 0, 5), *volume.affine_lps[1:])
    for change in ({"shape_irc": (2, 1, 1)}, {"affine_lps": shifted}):
        moved[1] = moved[1].model_copy(update={"volume": volume.model_copy(update=change)})
        assert "series b is not the same image" in str(refusal(run(A, 0.6), moved))


def test_a_scan_twice_in_one_folder_is_refused() -> None:
    twice = run(B, 0.4)
    error = refusal(run(A, 0.6), [*twice, twice[0]])
    assert "the second folder has several results of series a" in str(error)


def test_lesions_of_other_scans_are_refused() -> None:
    scans = match_results(run(A, 0.6), [Nodule("z", (0, 0, 0), 5)])
    with pytest.raises(NodulusError, match="none of the known lesions is in the 3 scans") as error:
        compare_runs(scans, scans)
    assert error.value.code is ErrorCode.INPUT_EMPTY
