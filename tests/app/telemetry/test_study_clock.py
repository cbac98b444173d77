"""Times of items, studies and steps."""

from __future__ import annotations

import pytest

from nodulus.app.telemetry.study_clock import StudyClock
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End
from tests.app.telemetry.recorder import Recorder

DONE = End("done", findings=2)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def clock(recorder: Recorder) -> StudyClock:
    return StudyClock(recorder, "17")


def test_steps_follow_each_other_inside_their_study(clock: StudyClock, recorder: Recorder) -> None:
    clock.begin("item", 10.0)
    clock.step(ITEM_ITSELF, "look", 10.5)
    for study, at_s in (("a", 12.0), ("b", 20.0)):
        clock.step(study, "read", at_s)
        clock.step(study, "read", at_s + 0.5)  # told again, not begun again
        clock.step(study, "lungs", at_s + 1)
        clock.outcome(study, DONE, at_s + 4)
    clock.end(30.0)
    assert recorder.steps == [
        (ITEM_ITSELF, "look", 10.5, 12.0),
        ("a", "read", 12.0, 13.0),
        ("a", "lungs", 13.0, 16.0),
        ("b", "read", 20.0, 21.0),
        ("b", "lungs", 21.0, 24.0),
    ]
    assert recorder.ends == [
        ("a", DONE, 12.0, 16.0),
        ("b", DONE, 20.0, 24.0),
        (ITEM_ITSELF, End(), 10.0, 30.0),
    ]
    assert not recorder.open


def test_an_item_without_a_study_ends_with_its_own_outcome(
    clock: StudyClock, recorder: Recorder
) -> None:
    refused = End("refused", "no-images")
    clock.begin("item", 1.0)
    clock.step(ITEM_ITSELF, "look", 1.0)
    clock.outcome(ITEM_ITSELF, refused, 2.0)
    clock.end(3.0)
    assert recorder.ends == [(ITEM_ITSELF, refused, 1.0, 3.0)]
    clock.begin("next", 4.0)
    clock.end(5.0)
    assert recorder.ends[-1] == (ITEM_ITSELF, End(), 4.0, 5.0)


@pytest.mark.parametrize("again", [True, False])
def test_what_a_dead_worker_was_at_ends_with_it(
    clock: StudyClock, recorder: Recorder, again: bool
) -> None:
    died = End("failed", "worker-died")
    clock.begin("item", 1.0)
    clock.step("a", "segmentation", 2.0)
    clock.cut(died, 9.0, again=again)
    assert recorder.steps == [("a", "segmentation", 2.0, 9.0)]
    assert recorder.ends == [
        ("a", died, 2.0, 9.0),
        (ITEM_ITSELF, End(code="worker-died", again=again), 1.0, 9.0),
    ]
    clock.cut(died, 10.0, again=False)  # nothing was open
    assert len(recorder.ends) == 2


def test_a_clock_that_is_behind_gives_no_negative_time(
    clock: StudyClock, recorder: Recorder
) -> None:
    clock.begin("item", 100.0)
    clock.step("a", "read", 70.0)
    clock.step("a", "lungs", 71.0)
    clock.outcome("a", DONE, 103.0)
    clock.end(99.0)
    assert all(began <= ended for *_, began, ended in recorder.steps + recorder.ends)
    assert recorder.ends[-1][2:] == (100.0, 103.0)


def test_what_is_told_of_no_item_is_passed_over(clock: StudyClock, recorder: Recorder) -> None:
    clock.step("a", "read", 1.0)
    clock.end(2.0)
    assert not recorder.steps
    assert not recorder.ends
