"""What is kept stays as it was."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from nodulus.app.errors import NodulusError
from nodulus.app.review.database import Database
from nodulus.app.review.entries import Nothing, Rejection
from nodulus.app.review.store import (
    DATABASE_FILE,
    ConflictError,
    NewEntry,
    ReadingsTakenError,
    Store,
)
from tests.app.review.review_samples import make_result

ACCEPT = NewEntry("A", "reader", "accept", "1", Nothing(), weights={"nodule": "ab"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.in_folder(tmp_path)


def test_entries_come_back_as_they_were(store: Store, tmp_path: Path) -> None:
    name = store.register("study", make_result())
    store.append(name, "", ACCEPT, 0)
    reject = NewEntry("B", "adjudicator", "reject", "2", Rejection(reason="scar", text="old"))
    store.append(name, "", reject, 1)
    store.close()
    first, second = Store.in_folder(tmp_path).entries(name)
    assert (first.number, first.who, first.kind, first.weights) == (
        1,
        "A",
        "accept",
        {"nodule": "ab"},
    )
    assert (second.role, second.data) == ("adjudicator", Rejection(reason="scar", text="old"))
    assert first.at.endswith("+00:00")


def test_the_database_is_its_owners_and_refuses_changes(store: Store, tmp_path: Path) -> None:
    name = store.register("study", make_result())
    store.append(name, "", ACCEPT, 0)
    path = tmp_path / DATABASE_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for statement in (
        "UPDATE entries SET who = 'X'",
        "DELETE FROM entries",
        "UPDATE analyses SET result = ''",
        "DELETE FROM analyses",
    ):
        with (
            sqlite3.connect(path) as raw,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            raw.execute(statement)


def test_of_many_at_once_one_comes_first(store: Store) -> None:
    name = store.register("study", make_result())

    def attempt(_: int) -> bool:
        try:
            store.append(name, "", ACCEPT, 0)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    assert len(store.entries(name)) == 1


def test_readings_are_apart(store: Store) -> None:
    name = store.register("study", make_result())
    store.append(name, "one", ACCEPT, 0)
    store.append(name, "two", ACCEPT, 0)
    assert store.entries(name) == []
    assert {k: len(log) for k, log in store.readings([name])[name].items()} == {"one": 1, "two": 1}


def test_readings_come_in_the_order_in_which_they_were_begun(store: Store) -> None:
    name = store.register("study", make_result())
    for reading, version in (("b", 0), ("a", 0), ("b", 1)):
        store.append(name, reading, ACCEPT, version)
    assert list(store.readings([name, "unknown"])[name]) == ["b", "a"]


def test_of_many_who_begin_at_once_two_may_read(store: Store) -> None:
    name = store.register("study", make_result())
    store.append(name, "", ACCEPT, 0)  # the shared log takes no place

    def attempt(number: int) -> bool:
        try:
            store.append(name, f"first:{number}", ACCEPT, 0, most_others=1)
        except ReadingsTakenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 2
    begun = [reading for reading in store.readings([name])[name] if reading]
    store.append(name, begun[0], ACCEPT, 1, most_others=1)  # who has begun goes on


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_text("not a database, but long enough to be looked at" * 9)
    with pytest.raises(NodulusError) as error:
        Store.in_folder(tmp_path)
    assert error.value.code.value == "store-not-usable"
    with pytest.raises(NodulusError):
        Database("nonsense://x")
