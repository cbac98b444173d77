"""Workitems on SQLite and PostgreSQL: each is claimed once, and a kill does no harm."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from nodulus.app.review.database import Database
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.intake import Intake
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import Analysed
from nodulus.app.serve.workitems import states
from nodulus.app.serve.workitems.attributes import is_ready_for
from nodulus.app.serve.workitems.claims import Claims
from nodulus.app.serve.workitems.image_source import ImageSource
from nodulus.app.serve.workitems.performer import Performer
from nodulus.app.serve.workitems.refusals import WorkitemRefusedError
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist
from tests.app.serve.clock import Clock
from tests.app.serve.service_samples import TIMES, make_study
from tests.app.serve.workitem_samples import final_attributes, make_workitem


def make_worklist(database: Database, clock: Clock) -> Worklist:
    return Worklist(database, workitem_settings(), clock)


def test_of_many_each_workitem_is_claimed_once(database: Database) -> None:
    worklist = make_worklist(database, Clock(2e9))
    made = [f"1.2.{n}" for n in range(12)]
    for uid in made:
        worklist.create(make_workitem(), uid)

    def ours(_: int) -> list[str]:
        claims, found = Claims(worklist, TIMES.lease_s), []
        while (uid := claims.claim()) is not None:
            found.append(uid)
        return found

    def theirs(number: int) -> list[str]:
        found = []
        for uid in random.Random(number).sample(made, len(made)):
            try:
                worklist.change_state(uid, "IN PROGRESS", f"1.9.{number}")
            except WorkitemRefusedError:
                continue
            found.append(uid)
        return found

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(ours if n % 2 else theirs, n) for n in range(4)]
        claimed = [uid for one in work for uid in one.result()]
    assert sorted(claimed) == sorted(made)


def test_any_walk_ends_where_the_state_machine_says(database: Database) -> None:
    """Random requests one after the other, beside a model that is the state machine alone."""
    chance = random.Random(1)
    worklist = make_worklist(database, Clock(2e9))
    for walk in range(6):
        uid, state, kept, dataset = f"1.3.{walk}", "SCHEDULED", None, make_workitem()
        worklist.create(make_workitem(), uid)
        for _ in range(25):
            given = chance.choice([None, "1.2.1", "1.2.1", "1.2.2"])
            what = chance.choice(["update", "cancel", *states.FINAL, "IN PROGRESS", "SCHEDULED"])
            if what == "update":
                verdict = states.update(state, kept, given)  # type: ignore[arg-type]
                done = _tried(worklist.update, uid, final_attributes(), given)
                if verdict.is_done:
                    dataset.update(final_attributes())
            elif what == "cancel":
                verdict = states.cancel_request(state, is_ours=False)  # type: ignore[arg-type]
                done = _tried(worklist.request_cancel, uid, Dataset())
                state = "CANCELED" if verdict.is_done else state
            else:
                ready = is_ready_for(dataset, what)  # type: ignore[arg-type]
                verdict = states.change_of_state(state, what, kept, given, ready=ready)  # type: ignore[arg-type]
                done = _tried(worklist.change_state, uid, what, given)
                if verdict.status == 200 and not verdict.warning:
                    state, kept = what, given
            assert done == verdict.is_done
            assert Dataset.from_json(worklist.content(uid)).ProcedureStepState == state


def _tried(act: Any, *arguments: Any) -> bool:
    try:
        act(*arguments)
    except WorkitemRefusedError:
        return False
    return True


class KilledError(BaseException):
    """As if the process had been killed."""


class Killer:
    """Kills once, at a transaction: before or after it is kept."""

    def __init__(self, number: int, *, is_said: bool) -> None:
        self._left, self._is_said = number, is_said

    @property
    def has_killed(self) -> bool:
        return self._left <= 0

    @contextmanager
    def watching(self, database: Database) -> Iterator[None]:
        whole = database.write

        @contextmanager
        def write() -> Iterator[Any]:
            self._left -= 1
            with whole() as connection:
                yield connection
                if self._left == 0 and not self._is_said:
                    raise KilledError
            if self._left == 0:
                raise KilledError

        database.write = write  # type: ignore[method-assign]
        try:
            yield
        finally:
            database.write = whole  # type: ignore[method-assign]


class FolderSource(ImageSource):
    """Gives the files of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("http://pacs/dicom-web")
        self._folder = folder

    def fetch(self, url: str, folder: Path, go_on: Any) -> list[Path]:
        assert go_on()
        files = []
        for path in sorted(self._folder.iterdir()):
            files.append(folder / path.name)
            files[-1].write_bytes(path.read_bytes())
        return files


@pytest.mark.parametrize("is_said", [False, True])
def test_a_kill_at_any_point_loses_nothing_and_does_nothing_twice(
    database: Database, tmp_path: Path, is_said: bool
) -> None:
    clock = Clock(2e9)
    worklist = make_worklist(database, clock)
    queue = Queue(database, "a", TIMES)
    intake = Intake(tmp_path, queue, 0.0)
    results = tmp_path / "results"
    results.mkdir()
    number, killer = 0, None
    while killer is None or killer.has_killed:
        number += 1
        killer = Killer(number, is_said=is_said)
        files = make_study(tmp_path / f"in-{number}", f"study-{number}")
        study = str(dcmread(files[0]).StudyInstanceUID)
        uid = str(generate_uid())
        worklist.create(make_workitem(study), uid)
        analyses = 0
        while not set(worklist.counts()) <= {"COMPLETED"}:
            performer = Performer(
                worklist,
                queue,
                intake,
                results,
                lambda _: "",
                [FolderSource(files[0].parent)],
                "x",
                AuditLog(database),
            )
            try:
                with killer.watching(database):
                    performer.claim_next()
                    performer.perform_next()
            except KilledError:
                clock.now += TIMES.lease_s
            taken = queue.take()
            if taken is not None:
                analyses += 1
                queue.finish(taken.id, Analysed("done", None, ((study, study, 1),)))
            clock.now += 2
        assert worklist.content(uid)["00741000"]["Value"] == ["COMPLETED"]
        assert analyses == 1, number
    assert number > 8, "it was killed at each transaction on the way"
