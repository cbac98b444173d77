"""A study that somebody begins to read at the moment of its removal is kept, or was gone before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from nodulus.app.review.database import Database
from nodulus.app.review.entries import Nothing
from nodulus.app.review.reading_rule import reading_rule
from nodulus.app.review.store import NewEntry, Store
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.intake import Intake
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import Analysed
from nodulus.app.serve.retention import Retention, Sweeper
from tests.app.review.review_samples import make_result
from tests.app.serve.service_samples import make_study

BLOCKED_S = 0.4


class Place:
    """A service's folder with a study that is done, and long ago."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.store = database, Store(database)
        self.queue = Queue(database, "a")
        self.intake = Intake(folder, self.queue, 0.0)
        results = folder / "results"
        (self.study,) = self.intake.take_path(make_study(folder / "in", "a")[0].parent, "zip")
        taken = self.queue.take()
        assert taken is not None
        (results / "one").mkdir(parents=True)
        result = make_result()
        (results / "one" / "findings.json").write_text(result.model_dump_json())
        self.queue.finish(self.study, Analysed("done", None, (("one", "one", 2),)))
        self.analysis = self.store.register("one", result)
        self.sweeper = Sweeper(
            folder, self.queue, self.intake, results, self.store, AuditLog(database),
            Retention(images_days=10), reading_rule(),
            lambda: datetime.now(timezone.utc) + timedelta(days=11),
        )  # fmt: skip

    def begin(self) -> None:
        """Make the first entry of a reader."""
        new = NewEntry("A", "reader", "accept", "1", Nothing())
        self.store.append(self.analysis, "", new, 0)

    @property
    def has_images(self) -> bool:
        return self.intake.folder(self.study).is_dir()


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    return Place(database, tmp_path)


def in_thread(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_who_begins_after_the_look_comes_after_the_removal(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, readers = Sweeper._is_read, []

    def looked(self: Sweeper, *arguments: Any) -> bool:
        found = look(self, *arguments)
        readers.append(in_thread(place.begin))
        time.sleep(BLOCKED_S)
        assert readers[0].is_alive(), "the entry waits until the removal is put down"
        assert place.has_images
        return found

    monkeypatch.setattr(Sweeper, "_is_read", looked)
    assert place.sweeper.sweep() == 1
    readers[0].join(10)
    assert not place.has_images
    assert len(place.store.entries(place.analysis)) == 1


def test_the_removal_waits_for_an_entry_that_is_being_made_and_keeps_the_study(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, go_on, removed = threading.Event(), threading.Event(), []
    whole = place.database.write

    @contextmanager
    def slow() -> Iterator[Any]:
        with whole() as connection:
            yield connection
            made.set()
            go_on.wait(10)

    monkeypatch.setattr(place.store, "_database", type("Slow", (), {"write": staticmethod(slow)}))
    reader = in_thread(place.begin)
    assert made.wait(10)
    sweep = in_thread(lambda: removed.append(place.sweeper.sweep()))
    monkeypatch.setattr(place.store, "_database", place.database)
    time.sleep(BLOCKED_S)
    assert sweep.is_alive(), "it cannot know yet whether somebody reads the study"
    go_on.set()
    reader.join(10)
    sweep.join(10)
    assert removed == [0]
    assert place.has_images


def test_readers_do_not_wait_for_each_other(place: Place) -> None:
    from nodulus.app.review.database import beside_readers

    if place.database._engine.dialect.name != "postgresql":
        pytest.skip("SQLite's transactions write one after the other")
    with place.database.write() as connection:
        beside_readers(connection, alone=False)
        reader = in_thread(place.begin)
        reader.join(10)
        assert not reader.is_alive()
