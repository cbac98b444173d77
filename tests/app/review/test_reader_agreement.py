"""Two readers against each other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from nodulus.app.evaluation.metrics.estimate import proportion
from nodulus.app.review.double_reading import FirstReads, first_reads, logs_by_reader
from nodulus.app.review.reader_agreement import (
    DECISIONS,
    by_readers,
    cohen_kappa,
    reader_agreement,
)
from nodulus.app.review.reading_rule import reading_rule
from tests.app.review.review_samples import entry, make_finding, make_result

RESULT = make_result(findings=3)
KINDS = {"a": "accept", "r": "reject", "u": "unsure"}


def study(
    one: str, two: str, names: tuple[str, str] = ("Ann", "Bob"), *, add: str = ""
) -> FirstReads:
    """Decisions on the three findings as letters; who adds the same nodule."""
    logs = {}
    for name, letters in zip(names, (one, two), strict=True):
        log = [
            entry(n + 1, KINDS[k], str(n + 1), name, **({"reason": "scar"} if k == "r" else {}))  # type: ignore[arg-type]
            for n, k in enumerate(letters)
        ]
        if name in add.split():
            where = (90.0, 0.0, 0.0)
            finding = make_finding(90, center_lps_mm=where)
            log.append(entry(4, "add", who=name, measured=finding, center_lps_mm=where))
        logs[f"first:{name}"] = [*log, entry(len(log) + 1, "sign-off", who=name)]
    both = first_reads(RESULT, logs_by_reader(logs, reading_rule()))
    assert both is not None
    return both


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_scikit_learns(seed: int) -> None:
    draw = np.random.default_rng(seed)
    one, two = draw.integers(0, 3, 40), draw.integers(0, 3, 40)
    table = np.zeros((3, 3), int)
    np.add.at(table, (one, two), 1)
    assert cohen_kappa(table) == pytest.approx(cohen_kappa_score(one, two), abs=1e-12)


def test_kappa_of_one_kind_of_decision_is_not_defined() -> None:
    assert cohen_kappa([[7, 0], [0, 0]]) is None
    assert cohen_kappa(np.zeros((3, 3))) is None
    assert cohen_kappa([[5, 0], [0, 5]]) == 1
    assert cohen_kappa([[0, 5], [5, 0]]) == -1


def test_decisions_and_added_nodules_are_counted() -> None:
    studies = [
        study("aar", "aru", add="Ann Bob"),
        study("arr", "arr", add="Bob"),
    ]
    found = reader_agreement(studies)
    assert (found.studies, found.findings) == (2, 6)
    counts = {(a, b): found.decisions[a][b] for a in DECISIONS for b in DECISIONS}
    assert {pair: n for pair, n in counts.items() if n} == {
        ("accepted", "accepted"): 2,
        ("accepted", "rejected"): 1,
        ("rejected", "unsure"): 1,
        ("rejected", "rejected"): 2,
    }
    # Observed 4/6; by chance 3/6 * 2/6 + 3/6 * 3/6 = 15/36.
    assert found.kappa == pytest.approx((4 / 6 - 15 / 36) / (1 - 15 / 36))
    assert found.kappa_interval is not None
    lower, upper = found.kappa_interval
    assert lower < found.kappa < upper <= 1
    assert (found.added, found.added_by_both) == (2, 1)
    assert found.share_added_by_both == proportion(1, 2)
    assert {k: n for k, n in found.differences.items() if n} == {"decision": 2, "found": 1}


def test_each_two_readers_are_compared_whoever_began() -> None:
    studies = [
        study("aaa", "aar", ("Bob", "Ann")),
        study("ara", "ara", ("Ann", "Bob")),
        study("aaa", "aaa", ("Ann", "Eve")),
    ]
    apart = by_readers(studies)
    assert {name: found.studies for name, found in apart.items()} == {
        "Ann and Bob": 2,
        "Ann and Eve": 1,
    }
    ann_and_bob = apart["Ann and Bob"]
    assert ann_and_bob.decisions["rejected"]["accepted"] == 1
    assert ann_and_bob.decisions["accepted"]["rejected"] == 0
    assert (apart["Ann and Eve"].kappa, apart["Ann and Eve"].kappa_interval) == (None, None)


def test_nothing_is_compared_of_no_study() -> None:
    found = reader_agreement([])
    assert (found.studies, found.findings, found.kappa, found.added) == (0, 0, None, 0)
    assert found.share_added_by_both is None
