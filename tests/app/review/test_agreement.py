"""The chain against its readers."""

from __future__ import annotations

import pytest

from nodulus.app.evaluation.metrics.estimate import proportion
from nodulus.app.result import ModelInfo, StudyResult
from nodulus.app.review.agreement import agreement, by_month, by_version, version_of
from nodulus.app.review.entries import Entry
from nodulus.app.review.review_state import ReviewState, reviewed
from tests.app.review.review_samples import entry, make_finding, make_result

RESULT = make_result()


def study(*log: Entry, result: StudyResult = RESULT) -> tuple[StudyResult, ReviewState]:
    return result, reviewed(result, [*log, entry(len(log) + 1, "sign-off")])


ONE_OF_EACH = study(
    entry(1, "accept", "1"),
    entry(2, "reject", "2", reason="vessel"),
    entry(3, "add", center_lps_mm=(1, 2, 3)),
    entry(4, "take-up", candidate=3),
    entry(5, "accept", "c3"),
)


def test_what_the_reader_adds_is_what_the_chain_has_missed() -> None:
    found = agreement([ONE_OF_EACH, study(entry(1, "accept", "1"), entry(2, "unsure", "2"))])
    assert (found.studies, found.accepted, found.rejected, found.unsure) == (2, 2, 1, 1)
    assert found.missed == 2
    assert found.sensitivity == proportion(2, 4)
    assert found.other_marks_a_scan == 0.5


def test_open_studies_do_not_count() -> None:
    open_study = RESULT, reviewed(RESULT, [entry(1, "accept", "1")])
    found = agreement([open_study])
    assert (found.studies, found.accepted, found.sensitivity) == (0, 0, None)
    assert found.other_marks_a_scan is None
    assert by_version([open_study]) == {}


@pytest.mark.parametrize(("ratings", "auc"), [((5, 1), 1.0), ((1, 5), 0.0), ((4, 3), None)])
def test_malignancy_is_compared_with_the_ratings(
    ratings: tuple[int, int], auc: float | None
) -> None:
    # The network's own: 0.9 for the first and 0.45 for the second.
    log = [entry(n, "accept", str(n)) for n in (1, 2)]
    log += [entry(n + 3, "change", str(n + 1), malignancy=r) for n, r in enumerate(ratings)]
    found = agreement([study(*log)])
    assert (None if found.malignancy_auc is None else found.malignancy_auc.value) == auc
    assert found.rated == sum(rating != 3 for rating in ratings)


def test_a_redrawn_outline_does_not_change_what_the_chain_had_said() -> None:
    log = [
        entry(1, "accept", "1"),
        entry(2, "accept", "2"),
        entry(3, "redraw", "1", measured=make_finding(1, malignancy_probability=0.0),
              box_start_irc=(0, 0, 0), shape_irc=(1, 1, 1), mask=""),
        entry(4, "change", "1", malignancy=5),
        entry(5, "change", "2", malignancy=1),
    ]  # fmt: skip
    found = agreement([study(*log)])
    assert found.malignancy_auc is not None
    assert found.malignancy_auc.value == 1.0


def test_versions_and_months_are_kept_apart() -> None:
    model = ModelInfo(name="nodule", version="9.0", sha256="0", trained_on="a test")
    other = RESULT.model_copy(update={"models": (model,)})
    log = (entry(1, "accept", "1"), entry(2, "accept", "2"))
    studies = [study(*log), study(*log, result=other), ONE_OF_EACH]
    assert version_of(other) == "0, nodule 9.0, sensitive"
    assert {name: a.studies for name, a in by_version(studies).items()} == {
        "0, sensitive": 2,
        "0, nodule 9.0, sensitive": 1,
    }
    assert {name: a.studies for name, a in by_month(studies).items()} == {"2026-01": 3}
