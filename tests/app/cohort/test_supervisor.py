"""Workers that hang, die or take too much cost their own study and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nodulus.app.cohort.ledger import Ledger, Outcome
from nodulus.app.cohort.memory import MIB
from nodulus.app.cohort.supervisor import Limits, Supervisor
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.cohort.stand_in import Unable, by_key, item, supervise
from tests.app.telemetry.recorder import Recorder


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def test_a_dead_or_fat_worker_costs_its_own_study(marks: Path) -> None:
    names = ["a", "die-1", "d,die-once,e", "f,fat-1,g", "h"]
    recorder = Recorder()
    limits = Limits(memory_mib=300.0, attempts=2)
    ledger, told = supervise(marks, names, limits, watcher=recorder)
    found = by_key(ledger)
    assert {key for key, o in found.items() if o.status == "done"} == {*"adefgh", "die-once"}
    assert found["fat-1"].code == ErrorCode.MEMORY_LIMIT.value
    assert found["die-1"].code == ErrorCode.WORKER_DIED.value
    assert "status 3" in (found["die-1"].message or "")
    assert ledger.counts() == {"done": 7, "refused": 0, "failed": 2, "duplicate": 0, "open": 0}
    assert told.count(None) == len(names)
    assert Counter(o.key for o in told if o) == Counter(list(found))
    # What died was tried again, and nothing else.
    tries = {path.name: path.read_text().count("began") for path in marks.iterdir()}
    assert tries == {**dict.fromkeys(found, 1), "die-1": 2, "die-once": 2}
    # Logs and traces tell the same: what died has an end for each attempt.
    ends = Counter((key, end.status, end.code) for key, end, *_ in recorder.ends if key)
    assert ends == Counter(
        [(o.key, o.status, o.code) for o in found.values()]
        + [("die-1", None, "worker-died"), ("die-once", None, "worker-died")]
    )
    assert Counter(end.again for key, end, *_ in recorder.ends if not key) == {False: 5, True: 4}
    assert Counter(key for key, *_ in recorder.steps) == tries
    assert not recorder.open


def test_a_study_that_hangs_is_stopped_and_the_others_are_done(marks: Path) -> None:
    ledger, _ = supervise(marks, ["b,hang-1,c"], Limits(time_s=6.0), workers=1)
    found = by_key(ledger)
    assert [found[key].status for key in "bc"] == ["done", "done"]
    assert found["hang-1"].code == ErrorCode.TIME_LIMIT.value
    assert "'segment'" in (found["hang-1"].message or "")


def test_what_is_done_is_not_done_again(marks: Path) -> None:
    supervise(marks, ["a", "b"], Limits())
    ledger, told = supervise(marks, ["a", "b", "c"], Limits())
    assert sorted(by_key(ledger)) == ["a", "b", "c"]
    assert [o.key for o in told if o] == ["c"]


def test_a_study_of_two_items_is_done_once(marks: Path) -> None:
    ledger, _ = supervise(marks, ["slow-1,a", "slow-2,a", "slow-3,a"], Limits(), workers=3)
    statuses = Counter(o.status for o in ledger.outcomes() if o.key == "a")
    assert statuses == {"done": 1, "duplicate": 2}
    assert (marks / "a").read_text() == "began\n"


@pytest.mark.parametrize(
    ("fault", "why", "code"),
    [
        ("full", "could not be written", ErrorCode.OUTPUT_NOT_WRITABLE),
        ("away", "had no answer of the model service", ErrorCode.MODEL_SERVICE_NOT_REACHABLE),
    ],
)
def test_what_all_studies_would_meet_stops_the_run_and_leaves_the_rest_open(
    marks: Path, fault: str, why: str, code: ErrorCode
) -> None:
    names = [f"{fault}-{n}" for n in range(20)]
    with pytest.raises(NodulusError, match=f"3 studies in a row {why}") as caught:
        supervise(marks, ["a", *names], Limits(), workers=1)
    assert caught.value.code is code
    ledger = Ledger(marks.parent / "state" / "ledger.sqlite")
    ledger.begin([item(name) for name in names], retry_failed=True)
    assert len(ledger.open_items()) == len(names)


def test_a_worker_that_cannot_start_says_why(marks: Path) -> None:
    with pytest.raises(NodulusError) as caught:
        supervise(marks, ["a"], Limits(), options=Unable())
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
    with pytest.raises(NodulusError, match="3 workers ended before they could begin"):
        supervise(marks, ["a"], Limits(), options=Unable(dies=True))


def test_an_interrupted_run_ends_its_workers_and_goes_on_later(
    marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    names = [f"slow-{n}" for n in range(6)]
    looks = 0
    look = Supervisor._look

    def interrupted(self: Supervisor) -> None:
        nonlocal looks
        look(self)
        looks += any(o.status == "done" for o in self._ledger.outcomes())
        if looks == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Supervisor, "_look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        supervise(marks, names, Limits())
    assert not [c for c in psutil.Process().children() if "spawn_main" in " ".join(c.cmdline())]
    monkeypatch.undo()
    ledger, _ = supervise(marks, names, Limits())
    assert ledger.counts()["done"] == len(names)
    done = [path for path in marks.iterdir() if path.read_text() == "began\n"]
    assert done, "what was done before the interruption is not done again"


def test_a_ledger_that_cannot_be_written_ends_the_workers(
    marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    import psutil

    def full(self: Ledger, outcome: Outcome) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Ledger, "write", full)
    with pytest.raises(NodulusError, match="disk is full") as caught:
        supervise(marks, ["a", "slow-1", "hang-1"], Limits())
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert not [c for c in psutil.Process().children() if "spawn_main" in " ".join(c.cmdline())]


def test_memory_is_told_in_mebibytes() -> None:
    import os

    from nodulus.app.cohort.memory import peak_mib, resident_mib

    before = resident_mib(os.getpid())
    held = bytearray(64 * MIB)
    held[::4096] = b"x" * len(held[::4096])
    assert 50 < resident_mib(os.getpid()) - before < 100
    assert (peak_mib() or 0) >= resident_mib(os.getpid()) * 0.9
    assert resident_mib(2**22 + 1) == 0.0
