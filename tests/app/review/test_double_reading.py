"""Two readings of a study put together, and who is shown which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodulus.app.errors import NodulusError
from nodulus.app.review.double_reading import (
    FirstReads,
    StudyLogs,
    View,
    differences,
    final_state,
    first_reads,
    logs_by_reader,
    matched,
    view_of,
)
from nodulus.app.review.entries import Adoption, Entry, Outline, Role
from nodulus.app.review.outlines import encode_outline
from nodulus.app.review.reading_rule import ReadingRule, reading_rule
from nodulus.app.review.refusals import check_entry
from nodulus.app.review.review_state import ReviewedFinding, reviewed
from tests.app.review.review_samples import entry, make_finding, make_result

RESULT = make_result()
RULE = reading_rule()
ANN, BOB, CHIEF, EVE = "Ann", "Bob", "Chief", "Eve"


def log(who: str, *entries: tuple[Any, ...], signed: bool = True, **more: Any) -> list[Entry]:
    """Entries of (kind, finding, data)."""
    made = [
        replace(entry(n + 1, kind, finding, who, **data), **more)
        for n, (kind, finding, data) in enumerate(entries)
    ]
    return [*made, entry(len(made) + 1, "sign-off", who=who)] if signed else made


BOTH = [("accept", "1", {}), ("accept", "2", {})]


def read(one: list[Entry], two: list[Entry], shared: tuple[Entry, ...] = ()) -> StudyLogs:
    return logs_by_reader({"": shared, "first:Ann": one, "first:Bob": two}, RULE)


def together(one: list[Entry], two: list[Entry]) -> FirstReads:
    both = first_reads(RESULT, read(one, two))
    assert both is not None
    return both


def seen(logs: StudyLogs, name: str, role: Role = "reader", blind: bool = True) -> View:
    return view_of(RESULT, logs, name, role, blind=blind)


def added(number: int, who: str, center: tuple[float, float, float], diameter: float) -> Entry:
    finding = make_finding(number, center_lps_mm=center, equivalent_diameter_mm=diameter)
    return entry(number, "add", who=who, measured=finding, center_lps_mm=center)


def test_what_both_say_holds_and_what_they_differ_in_is_open() -> None:
    both = together(
        log(ANN, ("accept", "1", {}), ("reject", "2", {"reason": "vessel"})),
        log(BOB, ("accept", "1", {}), ("accept", "2", {})),
    )
    assert both.names == (ANN, BOB)
    assert both.start.differ == {"1": (), "2": ("decision",)}
    first, second = both.start.findings
    assert (first.decision, first.decided_by) == ("accepted", "Ann and Bob")
    assert (second.decision, second.rejection) == (None, None)
    assert reviewed(RESULT, (), both.start).to_decide == ("2",)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"texture": "part-solid"}, "texture"),
        ({"malignancy": 4}, "malignancy"),
        ({"characteristics": {"margin": 2}}, "characteristics"),
    ],
)
def test_a_changed_rating_is_a_difference(change: dict[str, Any], difference: str) -> None:
    agreed = ("change", "1", {"characteristics": {"subtlety": 3}})
    both = together(log(ANN, *BOTH, agreed, ("change", "1", change)), log(BOB, *BOTH, agreed))
    assert both.start.differ["1"] == (difference,)
    finding = both.start.findings[0]
    assert finding.decision is None
    assert (finding.texture, finding.malignancy) == ("solid", None)
    assert finding.characteristics == {"subtlety": 3}
    assert finding.changed == ("characteristics",)


def test_a_redrawn_outline_is_a_difference_unless_both_drew_the_same() -> None:
    drawn = Outline(box_start_irc=(1, 1, 1), shape_irc=(1, 1, 1), mask="x")
    ann = log(ANN, *BOTH, ("redraw", "1", vars(drawn)))
    assert together(ann, log(BOB, *BOTH)).start.differ["1"] == ("outline",)
    finding = together(ann, log(BOB, *BOTH)).start.findings[0]
    assert (finding.outline, finding.changed) == (None, ())
    both = together(ann, log(BOB, *BOTH, ("redraw", "1", vars(drawn))))
    assert both.start.differ["1"] == ()
    assert both.start.findings[0].changed == ("outline",)
    assert both.start.findings[0].outline is not None


@pytest.mark.parametrize(("shift", "difference"), [(2, ()), (3, ("outline",))])
def test_outlines_that_both_drew_agree_by_their_overlap(
    shift: int, difference: tuple[str, ...]
) -> None:
    def drawn(start: int) -> ReviewedFinding:
        box = (slice(3, 4), slice(5, 6), slice(start, start + 10))
        outline = encode_outline(box, np.ones((1, 1, 10), bool))
        return replace(findings((0, 10))[0], outline=outline)

    assert differences(drawn(20), drawn(20 + shift), RULE) == difference
    assert differences(drawn(20 + shift), drawn(20), RULE) == difference
    assert differences(drawn(20), drawn(200), RULE) == ("outline",)
    assert differences(drawn(20), findings((0, 10))[0], RULE) == ("outline",)
    strict = ReadingRule(outlines_agree_dice=0.9)
    assert differences(drawn(20), drawn(22), strict) == ("outline",)


def test_the_rule_of_a_folder_decides_what_is_put_together(tmp_path: Path) -> None:
    (tmp_path / "review.json").write_text('{"outlines_agree_dice": 0.5}')
    lenient = reading_rule(tmp_path)

    def drawn(who: str, start: int) -> list[Entry]:
        box = (slice(3, 4), slice(5, 6), slice(start, start + 10))
        outline = encode_outline(box, np.ones((1, 1, 10), bool))
        made = log(who, *BOTH, ("redraw", "1", vars(outline)))
        return [
            e
            if e.measured is None
            else replace(e, measured=e.measured.model_copy(update={"outline": outline}))
            for e in made
        ]

    readings = {"first:Ann": drawn(ANN, 20), "first:Bob": drawn(BOB, 24)}
    for rule, difference in ((lenient, ()), (RULE, ("outline",))):
        both = first_reads(RESULT, logs_by_reader(readings, rule))
        assert both is not None
        assert both.start.differ["1"] == difference
    (tmp_path / "review.json").write_text('{"outlines_agree_dice": 1.5}')
    with pytest.raises(NodulusError, match=r"settings-invalid.*outlines_agree_dice"):
        reading_rule(tmp_path)


def test_of_what_both_reject_nothing_differs() -> None:
    def rejected(who: str, **data: Any) -> list[Entry]:
        return log(who, BOTH[0], ("change", "2", {"malignancy": 1 + (who == BOB)}),
                   ("reject", "2", data))  # fmt: skip

    same = together(rejected(ANN, reason="scar", text="a"), rejected(BOB, reason="scar", text="b"))
    other = together(rejected(ANN, reason="vessel"), rejected(BOB, reason="scar", text="old"))
    for both, reason, text in ((same, "scar", "a; b"), (other, "other", "vessel; scar (old)")):
        finding = both.start.findings[1]
        assert both.start.differ["2"] == ()
        assert finding.decision == "rejected"
        assert finding.rejection is not None
        assert (finding.rejection.reason, finding.rejection.text) == (reason, text)


def test_remarks_of_both_are_kept_with_their_names() -> None:
    both = together(
        log(ANN, *BOTH, ("comment", "1", {"text": "near the fissure"}),
            ("comment", None, {"text": "emphysema"})),
        log(BOB, *BOTH, ("comment", "1", {"text": "seen before"})),
    )  # fmt: skip
    assert both.start.findings[0].comment == "Ann: near the fissure\nBob: seen before"
    assert both.start.comment == "Ann: emphysema"


def test_added_nodules_are_matched_within_the_larger_radius() -> None:
    near = ((0.0, 0.0, 0.0), 4.0), ((5.0, 0.0, 0.0), 10.0)  # 5 mm apart, the larger radius is 5
    far = ((40.0, 0.0, 0.0), 4.0), ((42.1, 0.0, 0.0), 4.0)  # 2.1 mm apart, the radii are 2
    one = [*log(ANN, *BOTH, signed=False), added(3, ANN, *near[0]), added(4, ANN, *far[0])]
    two = [*log(BOB, *BOTH, signed=False), added(3, BOB, *far[1]), added(4, BOB, *near[1])]
    both = together([*one, entry(5, "sign-off")], [*two, entry(5, "sign-off")])
    ids = [f.id for f in both.start.findings]
    assert ids == ["1", "2", "r1a3", "r1a4", "r2a3"]
    assert [f.label for f in both.start.findings] == [1, 2, 3, 4, 5]
    assert [both.start.differ[i] for i in ids[2:]] == [(), ("found",), ("found",)]
    assert [f.decision for f in both.start.findings[2:]] == ["accepted", None, None]
    state = reviewed(RESULT, [added(1, CHIEF, (90.0, 0.0, 0.0), 5.0)], both.start)
    assert (state.findings[-1].id, state.findings[-1].label) == ("a1", 6)


def findings(*places: tuple[float, float]) -> list[ReviewedFinding]:
    """Of x and diameter."""
    made = []
    for n, (x, diameter) in enumerate(places):
        f = make_finding(9, center_lps_mm=(x, 0.0, 0.0), equivalent_diameter_mm=diameter)
        made.append(ReviewedFinding(f"a{n}", "added", n, f, f, "accepted"))
    return made


def test_the_nearest_are_matched_first_and_each_once() -> None:
    one, two = findings((0, 10), (3, 10)), findings((4, 10), (100, 10))
    assert matched(one, two) == [(one[0], None), (one[1], two[0]), (None, two[1])]
    assert matched([], []) == []


def test_the_same_candidate_is_the_same_nodule() -> None:
    ann = log(ANN, *BOTH, ("take-up", None, {"candidate": 2}))
    bob = log(BOB, *BOTH, ("take-up", None, {"candidate": 2}), ("change", "c2", {"malignancy": 5}))
    both = together(ann, bob)
    assert both.start.differ["c2"] == ("malignancy",)
    assert reviewed(RESULT, (), both.start).dropped[0].taken_up
    only = together(ann, log(BOB, *BOTH))
    assert only.start.differ["c2"] == ("found",)
    assert only.start.findings[-1].source == "taken-up"


def test_what_a_reader_added_and_rejected_again_is_not_theirs() -> None:
    ann = log(ANN, *BOTH, ("take-up", None, {"candidate": 2}),
              ("reject", "c2", {"reason": "vessel"}))  # fmt: skip
    assert [f.id for f in together(ann, log(BOB, *BOTH)).start.findings] == ["1", "2"]


def test_the_adjudicator_takes_what_a_reader_said_as_a_whole() -> None:
    ann = log(ANN, *BOTH, ("change", "1", {"texture": "part-solid", "malignancy": 4}),
              ("comment", "1", {"text": "growing"}))  # fmt: skip
    both = together(ann, log(BOB, ("reject", "1", {"reason": "scar"}), BOTH[1]))
    state = reviewed(RESULT, [entry(1, "adopt", "1", CHIEF, reader=1)], both.start)
    finding = state.findings[0]
    assert (finding.decision, finding.texture, finding.malignancy) == ("accepted", "part-solid", 4)
    assert (finding.decided_by, finding.comment) == (CHIEF, "Ann: growing")
    other = reviewed(RESULT, [entry(1, "adopt", "1", CHIEF, reader=2)], both.start).findings[0]
    assert (other.decision, other.texture, other.label) == ("rejected", "solid", 1)
    taken_back = [entry(1, "adopt", "1", CHIEF, reader=1), entry(2, "undo", entry=1)]
    assert reviewed(RESULT, taken_back, both.start).findings == both.start.findings


def test_nothing_is_taken_from_who_said_nothing() -> None:
    both = together(log(ANN, *BOTH, ("take-up", None, {"candidate": 2})), log(BOB, *BOTH))
    state = reviewed(RESULT, (), both.start)
    check_entry(state, (), "adopt", "c2", Adoption(reader=1), both.start)
    with pytest.raises(NodulusError, match="First reader 2 has said nothing of finding c2"):
        check_entry(state, (), "adopt", "c2", Adoption(reader=2), both.start)
    with pytest.raises(NodulusError, match="has said nothing"):
        check_entry(reviewed(RESULT, ()), (), "adopt", "1", Adoption(reader=1))


def test_who_is_shown_what() -> None:
    begun = log(ANN, BOTH[0], signed=False)
    done = log(ANN, *BOTH)
    other = log(BOB, ("reject", "1", {"reason": "scar"}), BOTH[1])
    started = StudyLogs(first={ANN: tuple(begun)})
    assert (seen(started, ANN).stage, seen(started, ANN).reading) == ("in-progress", "first:Ann")
    assert (seen(started, BOB).stage, seen(started, BOB).entries) == ("new", ())
    waiting = seen(started, CHIEF, "adjudicator")
    assert (waiting.stage, waiting.entries, waiting.first_reads) == ("first-reads", (), None)
    assert "Two readers read this study first" in waiting.closed

    one_done = StudyLogs(first={ANN: tuple(done), BOB: tuple(other[:1])})
    mine = seen(one_done, ANN)
    assert (mine.stage, mine.is_final, bool(mine.closed)) == ("read", False, True)
    assert seen(one_done, BOB).state.readers == (BOB,)
    assert seen(one_done, CHIEF, "adjudicator").state == reviewed(RESULT, ())
    assert seen(one_done, EVE).closed == "This study has its two readers."
    assert seen(one_done, EVE).state == reviewed(RESULT, ())

    both_done = read(done, other)
    assert seen(both_done, ANN) == mine  # what the other does shows nowhere
    chief = seen(both_done, CHIEF, "adjudicator")
    assert (chief.stage, chief.closed) == ("to-adjudicate", "")
    assert chief.first_reads is not None
    assert final_state(RESULT, both_done) is None
    decided = (entry(1, "adopt", "1", CHIEF, reader=1),)
    assert seen(read(done, other, decided), CHIEF, "adjudicator").stage == "in-progress"
    assert seen(read(done, other, decided), ANN) == mine

    signed = read(done, other, (*decided, entry(2, "sign-off", who=CHIEF)))
    for name in (ANN, BOB, EVE):
        view = seen(signed, name)
        assert (view.stage, view.is_final, view.first_reads) == ("signed-off", True, None)
        assert view.closed == "The study is adjudicated."
        assert view.state == final_state(RESULT, signed)
    assert not seen(signed, CHIEF, "adjudicator").closed


def test_who_has_read_does_not_adjudicate() -> None:
    logs = read(log(ANN, *BOTH), log(BOB, *BOTH))
    assert seen(logs, ANN, "adjudicator").stage == "read"


def test_a_study_stays_as_it_was_begun() -> None:
    shared = StudyLogs((entry(1, "accept", "1"),))
    assert seen(shared, ANN) == seen(shared, ANN, blind=False)
    assert (seen(shared, BOB).reading, seen(shared, BOB).closed) == ("", "")
    begun = StudyLogs(first={ANN: tuple(log(ANN, BOTH[0], signed=False))})
    assert seen(begun, BOB, blind=False) == seen(begun, BOB)
    assert final_state(RESULT, shared) is not None
    assert final_state(RESULT, begun) is None


def test_one_who_has_not_found_it_differs() -> None:
    finding = findings((0, 10))[0]
    assert differences(finding, None, RULE) == ("found",)
    assert differences(finding, finding, RULE) == ()
