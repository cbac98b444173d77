"""Where in the chain nodules are lost and other candidates stay."""

from __future__ import annotations

import json

import pytest

from nodulus.app.evaluation.chain_report import chain_report
from nodulus.app.evaluation.chain_table import chain_tables
from nodulus.app.evaluation.froc_of_results import found_at_rate, match_candidates
from nodulus.app.evaluation.match_results import MatchedScan, match_results
from nodulus.app.evaluation.nodule_groups import GROUPS, is_malignant
from nodulus.app.result import Finding, StudyResult
from nodulus.bundles.common.data.tables import ExcludedFinding, Nodule
from tests.app.evaluation.results import make_result

NODULES = [
    Nodule("a", (0, 0, 0), 10, malignancy=5, ratings={"texture": 5}),
    Nodule("a", (50, 0, 0), 5, malignancy=1, ratings={"texture": 1.5}),
    Nodule("b", (0, 0, 0), 20, malignancy=4, ratings={"texture": 3}),
    Nodule("b", (0, 90, 0), 8, malignancy=2),
    Nodule("b", (90, 90, 0), 8, malignancy=3),
]


def suspicious(result: StudyResult, threshold: float) -> StudyResult:
    def judged(f: Finding) -> Finding:
        return f.model_copy(update={"suspicious": f.malignancy_probability >= threshold})

    return result.model_copy(update={"findings": tuple(judged(f) for f in result.findings)})


@pytest.fixture
def scans() -> tuple[MatchedScan, ...]:
    a = make_result(
        "a",
        [
            ((1, 0, 0), 0.9, 0.8),  # malignant nodule, called so
            ((52, 0, 0), 0.4, 0.2),  # benign nodule, filtered out
            ((90, 0, 0), 0.6, 0.9),  # nothing, called malignant
            ((95, 50, 0), 0.8, 0.9),  # an excluded finding
        ],
        threshold=0.5,
    )
    b = make_result(
        "b",
        [
            ((40, 0, 0), 0.1, 0.1),  # nothing, filtered out
            ((0, 91, 0), 0.7, 0.6),  # benign nodule, called malignant
            ((90, 91, 0), 0.7, 0.1),  # undecided nodule, called benign
            ((30, 30, 30), 0.7, 0.1),  # nothing, called benign
        ],
        threshold=0.5,
    )
    excluded = [ExcludedFinding("a", (95, 50, 3))]
    return match_results([suspicious(r, 0.5) for r in (a, b)], NODULES, excluded)


def test_each_nodule_and_non_nodule_has_one_cell(scans: tuple[MatchedScan, ...]) -> None:
    tables = {t.group: t.rows for t in chain_tables(scans)}
    cells = {name: tuple(vars(row).values()) for name, row in tables["all"].items()}
    assert cells == {
        "non-nodules": (None, 1, 1, 1),
        "benign": (0, 1, 0, 1),
        "malignant": (1, 0, 0, 1),  # the one of scan b has no candidate
        "undecided or not rated": (0, 0, 1, 0),
    }


def test_groups_by_size_and_texture(scans: tuple[MatchedScan, ...]) -> None:
    tables = {t.group: t.rows for t in chain_tables(scans)}
    assert tables["below 6 mm"]["benign"].filtered_out == 1
    assert tables["10 mm and above"]["malignant"].missed == 1
    assert tables["ground glass (texture 2 and below)"]["benign"].filtered_out == 1
    assert tables["part-solid (texture above 2, below 4)"]["malignant"].missed == 1
    assert tables["solid (texture 4 and above)"]["malignant"].predicted_malignant == 1
    assert "non-nodules" not in tables["below 6 mm"]
    assert not any("rating" in group for group in tables)


@pytest.mark.parametrize("texture", [1, 1.5, 2, 2.5, 3, 3.5, 4, 5])
def test_a_texture_belongs_to_one_group(texture: float) -> None:
    nodule = Nodule("a", (0, 0, 0), 5, ratings={"texture": texture})
    assert sum(belongs(nodule) for name, belongs in GROUPS.items() if "texture" in name) == 1


def test_a_candidate_that_became_a_finding_elsewhere_counts(
    scans: tuple[MatchedScan, ...],
) -> None:
    result = scans[0].result
    moved = result.model_copy(
        update={
            "findings": tuple(
                f.model_copy(update={"center_lps_mm": (300.0, 0.0, 0.0)}) for f in result.findings
            )
        }
    )
    rows = chain_tables(match_results([moved], NODULES))[0].rows
    assert rows["malignant"].predicted_malignant == 1
    assert rows["malignant"].missed == 0


def test_candidates_dropped_before_the_classifier_are_not_seen(
    scans: tuple[MatchedScan, ...],
) -> None:
    result = scans[0].result
    dropped = result.model_copy(
        update={
            "findings": (),
            "candidates": tuple(
                c.model_copy(update={"nodule_probability": None, "kept": False, "finding_id": None})
                for c in result.candidates
            ),
        }
    )
    rows = chain_tables(match_results([dropped], NODULES))[0].rows
    assert (rows["malignant"].missed, rows["benign"].missed) == (1, 1)
    assert rows["non-nodules"].filtered_out == 0


def test_the_report_is_plain_data_and_adds_up(scans: tuple[MatchedScan, ...]) -> None:
    found = json.loads(json.dumps(chain_report(scans, samples=20, seed=1)))
    assert found["froc"]["true_positives"] == 4
    assert found["froc"]["ignored_marks"] == 1
    assert found["froc"]["bootstrap"]["samples"] <= 20
    assert found["false_positives_per_scan"] == 1.0
    assert found["malignancy"]["auc"] == {"value": 1.0}  # one of each: no interval
    assert found["nodule_calibration"]["items"] == 7
    big = found["malignant_6_mm_and_more"]
    assert (big["nodules"], big["found_at_operating_point"]["value"]) == (2, 0.5)
    assert big["found_at_1_false_positive_a_scan"]["value"] == 0.5


def test_the_rate_of_false_positives_is_kept(scans: tuple[MatchedScan, ...]) -> None:
    match = match_candidates(scans)
    # False alarms at 0.7, 0.6 and 0.1 in two scans; nodules at 0.9, 0.7, 0.7 and 0.4.
    assert found_at_rate(match, scans, lambda n: True, 1.0) == (4, 5, 0.4)
    assert found_at_rate(match, scans, lambda n: True, 0.5) == (3, 5, 0.7)
    assert found_at_rate(match, scans, lambda n: True, 0.0) == (1, 5, 0.9)
    assert found_at_rate(match, scans, is_malignant, 9.0) == (1, 2, 0.1)
