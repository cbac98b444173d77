"""From a log to a state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodulus.app.errors import NodulusError
from nodulus.app.review.entries import Entry, Kind, parse_data
from nodulus.app.review.refusals import check_entry
from nodulus.app.review.review_state import chain_start, in_force, next_label, reviewed
from tests.app.review.review_samples import entry, make_finding, make_result

RESULT = make_result()


def test_without_entries_it_is_the_chains_result() -> None:
    state = reviewed(RESULT, [])
    assert (state.status, state.version, state.to_decide) == ("new", 0, ("1", "2"))
    assert [f.finding for f in state.findings] == list(RESULT.findings)
    assert [d.number for d in state.dropped] == [2, 3]


def test_decisions_replace_earlier_ones_and_keep_the_reason() -> None:
    log = [entry(1, "accept", "1"), entry(2, "reject", "1", reason="vessel", text="seen in MIP")]
    (first, second) = reviewed(RESULT, log).findings
    assert (first.decision, second.decision) == ("rejected", None)
    assert first.rejection is not None
    assert (first.rejection.reason, first.rejection.text) == ("vessel", "seen in MIP")
    assert reviewed(RESULT, [*log, entry(3, "accept", "1")]).findings[0].rejection is None


def test_an_added_nodule_is_the_readers_and_accepted() -> None:
    state = reviewed(RESULT, [entry(1, "add", center_lps_mm=(1, 2, 3))])
    added = state.findings[-1]
    assert (added.id, added.source, added.decision, added.label) == ("a1", "added", "accepted", 3)


def test_a_dropped_candidate_is_taken_up_once() -> None:
    log = [entry(1, "take-up", candidate=3)]
    state = reviewed(RESULT, log)
    assert state.findings[-1].id == "c3"
    assert [(d.number, d.taken_up) for d in state.dropped] == [(2, False), (3, True)]
    with pytest.raises(NodulusError, match="taken up already"):
        check_entry(state, log, "take-up", None, parse_data("take-up", {"candidate": 3}))
    with pytest.raises(NodulusError, match="was not dropped"):
        check_entry(state, log, "take-up", None, parse_data("take-up", {"candidate": 0}))


def test_labels_are_never_used_twice() -> None:
    log = [
        entry(1, "add", center_lps_mm=(1, 2, 3)),
        entry(2, "undo", entry=1),
        entry(3, "add", center_lps_mm=(1, 2, 3)),
    ]
    assert reviewed(RESULT, log).findings[-1].label == 4
    assert next_label(chain_start(RESULT), log) == 5


def test_changes_are_named_and_measures_follow_the_outline() -> None:
    log = [
        entry(1, "change", "1", texture="part-solid", characteristics={"spiculation": 4}),
        entry(2, "redraw", "1", measured=make_finding(1, volume_mm3=99.0, texture="ground-glass"),
              box_start_irc=(0, 0, 0), shape_irc=(1, 1, 1), mask=""),
        entry(3, "change", "1", malignancy=5),
    ]  # fmt: skip
    finding = reviewed(RESULT, log).findings[0]
    assert finding.changed == ("outline", "texture", "characteristics", "malignancy")
    assert (finding.texture, finding.finding.volume_mm3, finding.malignancy) == (
        "part-solid",  # the reader's, whatever a new outline is made of
        99.0,
        5,
    )
    assert finding.original.volume_mm3 == 180.0


def test_changing_back_is_no_change() -> None:
    log = [
        entry(1, "change", "1", texture="part-solid"),
        entry(2, "change", "1", texture="solid"),
    ]
    assert reviewed(RESULT, log).findings[0].changed == ()


def test_an_undo_can_be_undone() -> None:
    log = [entry(1, "accept", "1"), entry(2, "undo", entry=1)]
    assert reviewed(RESULT, log).findings[0].decision is None
    log.append(entry(3, "undo", entry=2))
    assert reviewed(RESULT, log).findings[0].decision == "accepted"


def test_what_is_about_an_undone_finding_has_no_effect() -> None:
    log = [
        entry(1, "add", center_lps_mm=(1, 2, 3)),
        entry(2, "comment", "a1", text="here"),
        entry(3, "undo", entry=1),
    ]
    assert [f.id for f in reviewed(RESULT, log).findings] == ["1", "2"]


SIGNED = [entry(1, "accept", "1"), entry(2, "unsure", "2"), entry(3, "sign-off")]


@pytest.mark.parametrize(
    ("log", "kind", "finding", "data", "message"),
    [
        ([], "sign-off", None, {}, "2 findings have no decision"),
        (SIGNED, "accept", "1", {}, "signed off"),
        (SIGNED, "undo", None, {"entry": 3}, "signed off"),
        ([], "reopen", None, {"reason": "x"}, "not signed off"),
        ([], "accept", "7", {}, "no finding 7"),
        ([], "accept", None, {}, "no finding"),
        ([], "add", "1", {"center_lps_mm": (0, 0, 0)}, "about no finding"),
        ([], "undo", None, {"entry": 1}, "not there"),
        (
            [entry(1, "accept", "1"), entry(2, "undo", entry=1)],
            "undo",
            None,
            {"entry": 1},
            "undone",
        ),
        ([*SIGNED, entry(4, "reopen", reason="x")], "undo", None, {"entry": 3}, "cannot be undone"),
    ],
)
def test_entries_without_a_meaning_are_refused(
    log: list[Entry], kind: Kind, finding: str | None, data: dict[str, Any], message: str
) -> None:
    with pytest.raises(NodulusError, match=message) as refused:
        check_entry(reviewed(RESULT, log), log, kind, finding, parse_data(kind, data))
    assert refused.value.code.value == "entry-refused"


def test_sign_off_names_who_and_ends_it_until_it_is_reopened() -> None:
    state = reviewed(RESULT, SIGNED)
    assert state.status == "signed-off"
    assert state.signed_off is not None
    assert state.signed_off.who == "Reader"
    assert reviewed(RESULT, [*SIGNED, entry(4, "reopen", reason="x")]).status == "in-progress"


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Any log that the review itself would have taken."""
    log: list[Entry] = []
    for _ in range(draw(st.integers(0, 12))):
        state = reviewed(RESULT, log)
        names = st.sampled_from([f.id for f in state.findings])
        kind, finding, data = draw(
            st.one_of(
                st.tuples(st.sampled_from(["accept", "unsure"]), names, st.just({})),
                st.tuples(st.just("reject"), names, st.just({"reason": "scar"})),
                st.tuples(st.just("change"), names, st.just({"malignancy": 4})),
                st.tuples(st.just("move"), names, st.just({"center_lps_mm": (1, 1, 1)})),
                st.tuples(st.just("add"), st.none(), st.just({"center_lps_mm": (1, 1, 1)})),
                st.tuples(
                    st.just("take-up"), st.none(), st.integers(0, 4).map(lambda n: {"candidate": n})
                ),
                st.tuples(
                    st.just("undo"), st.none(), st.integers(1, 12).map(lambda n: {"entry": n})
                ),
                st.tuples(st.sampled_from(["sign-off"]), st.none(), st.just({})),
                st.tuples(st.just("reopen"), st.none(), st.just({"reason": "again"})),
            )
        )
        new = entry(len(log) + 1, kind, finding, **data)
        try:
            check_entry(state, log, new.kind, new.finding, new.data)
        except NodulusError:
            continue
        log.append(new)
    return log


@given(logs())
def test_any_log_leaves_a_consistent_state(log: list[Entry]) -> None:
    state = reviewed(RESULT, log)
    labels = [f.label for f in state.findings]
    assert len(labels) == len(set(labels))
    assert [f.id for f in state.findings[:2]] == ["1", "2"]
    assert state.version == len(log)
    if state.signed_off is not None:
        assert state.to_decide == ()
    assert len(in_force(log)) <= len(log)


@given(logs(), st.data())
def test_an_undo_gives_what_the_log_without_the_entry_gives(
    log: list[Entry], data: st.DataObject
) -> None:
    undoable = [e for e in in_force(log) if e.kind not in ("sign-off", "reopen", "add", "take-up")]
    if not undoable or reviewed(RESULT, log).signed_off is not None:
        return
    target = data.draw(st.sampled_from(undoable))
    undone = [*log, entry(1000, "undo", entry=target.number)]
    without = [e for e in log if e is not target]
    assert reviewed(RESULT, undone).findings == reviewed(RESULT, without).findings
    again = [*undone, entry(1001, "undo", entry=1000)]
    assert reviewed(RESULT, again).findings == reviewed(RESULT, log).findings
