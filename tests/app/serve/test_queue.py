"""The queue, on SQLite and PostgreSQL, loses nothing and does nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("sqlalchemy")
import sqlalchemy as sa

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.database import Database
from nodulus.app.serve.queue import Queue, QueueTimes
from nodulus.app.serve.queued_study import Analysed
from nodulus.app.serve.tables import deliveries
from tests.app.serve.clock import Clock

TIMES = QueueTimes(lease_s=30, first_delay_s=10, longest_delay_s=25, attempts=3)
DONE = Analysed("done", None, (("1.2", "1.2", 3),), (("pacs", "1.2/sr.dcm", "9.9"),), 4.0)
FAILED = Analysed("failed", NodulusError(ErrorCode.INTERNAL, "broken", remedy="Report it."))

Make = Callable[[str], Queue]


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def make(database: Database, clock: Clock) -> Make:
    return lambda owner: Queue(database, owner, TIMES, clock)


def test_a_study_that_comes_image_by_image_waits_until_it_is_quiet(
    make: Make, clock: Clock
) -> None:
    queue = make("a")
    queue.receive("s", "1.2", "stow", 1, quiet_s=10)
    clock.now += 8
    queue.receive("s", "1.2", "stow", 2, quiet_s=10)
    clock.now += 8
    assert queue.take() is None
    assert queue.study("s").state == "received"
    clock.now += 3
    taken = queue.take()
    assert taken is not None
    assert (taken.id, taken.state, taken.images, taken.attempts) == ("s", "running", 2, 1)
    assert queue.take() is None


def test_results_and_what_is_to_be_sent_are_put_down_at_once(
    make: Make, database: Database
) -> None:
    queue = make("a")
    queue.receive("s", "1.2", "zip", 5)
    queue.take()
    assert queue.finish("s", DONE) == "done"
    study = queue.study("s")
    assert (study.state, study.results, study.code) == ("done", (("1.2", "1.2", 3),), None)
    assert queue.study_of_result("1.2") == "s"
    with database.read() as connection:
        rows = connection.execute(sa.select(deliveries)).mappings().all()
    assert [(r["destination"], r["sop_instance_uid"], r["state"]) for r in rows] == [
        ("pacs", "9.9", "waiting")
    ]
    queue.receive("s", "1.2", "zip", 5)
    assert queue.take() is None, "the same images change nothing"


def test_a_lease_that_is_not_renewed_runs_out(make: Make, clock: Clock) -> None:
    dead, alive = make("dead"), make("alive")
    dead.receive("s", "1.2", "zip", 5)
    assert dead.take() is not None
    clock.now += 20
    dead.renew()
    clock.now += 20
    assert alive.take() is None
    clock.now += 11
    assert alive.take() is not None
    assert dead.finish("s", DONE) is None, "it has lost it"
    dead.release()
    assert alive.study("s").state == "running"
    assert alive.finish("s", DONE) == "done"


def test_failures_are_tried_again_later_and_then_given_up(make: Make, clock: Clock) -> None:
    queue = make("a")
    queue.receive("s", "1.2", "zip", 5)
    for delay_s in (10, 20):
        assert queue.take() is not None
        assert queue.finish("s", FAILED) == "waiting"
        clock.now += delay_s - 1
        assert queue.take() is None
        clock.now += 2
    assert queue.take() is not None
    assert queue.finish("s", FAILED) == "failed"
    assert (queue.study("s").code, queue.study("s").attempts) == ("internal-error", 3)
    queue.retry("s")
    assert queue.take() is not None
    with pytest.raises(NodulusError, match="running"):
        queue.retry("s")


def test_a_study_that_kills_its_service_each_time_fails(make: Make, clock: Clock) -> None:
    queue = make("a")
    queue.receive("s", "1.2", "zip", 5)
    for _ in range(TIMES.attempts):
        assert queue.take() is not None
        clock.now += TIMES.lease_s + 1
    assert queue.take() is None
    assert (queue.study("s").state, queue.study("s").code) == ("failed", "worker-died")


def test_a_service_that_ends_gives_back_what_it_has(make: Make) -> None:
    queue = make("a")
    queue.receive("s", "1.2", "zip", 5)
    queue.take()
    queue.release()
    assert (queue.study("s").state, queue.study("s").attempts) == ("waiting", 0)


def test_images_that_come_during_the_analysis_have_it_done_anew(make: Make, clock: Clock) -> None:
    queue = make("a")
    queue.receive("s", "1.2", "stow", 5)
    queue.take()
    queue.receive("s", "1.2", "stow", 6, quiet_s=10)
    assert queue.finish("s", DONE) == "waiting"
    assert queue.study("s").results == ()
    assert queue.take() is None
    clock.now += 11
    assert queue.take() is not None
    assert queue.finish("s", DONE) == "done"


def test_of_many_workers_each_study_is_one_s(make: Make) -> None:
    for number in range(30):
        make("a").receive(f"s{number}", None, "zip", 1)

    def work(owner: int) -> list[str]:
        queue, mine = make(str(owner)), []
        while (study := queue.take()) is not None:
            mine.append(study.id)
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [study for mine in pool.map(work, range(4)) for study in mine]
    assert sorted(taken) == sorted(f"s{number}" for number in range(30))


def test_pages_and_counts(make: Make) -> None:
    queue = make("a")
    for number in range(5):
        queue.receive(f"s{number}", None, "zip", 1)
    queue.take()
    total, page = queue.studies(("waiting",), limit=2, offset=1)
    assert (total, len(page)) == (4, 2)
    assert queue.counts()["waiting"] == 4
    assert queue.counts()["running"] == 1
    with pytest.raises(NodulusError, match="study-not-found"):
        queue.study("other")
