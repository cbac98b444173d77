"""Files are mapped by several threads where one would wait, in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from nodulus.app.reading.map_files import map_files


def quick(number: int) -> tuple[int, int]:
    return sum(range(2000)) * 0 + number, threading.get_ident()


def slow(number: int) -> tuple[int, int]:
    time.sleep(0.002)
    return number, threading.get_ident()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 200])
@pytest.mark.parametrize("work", [quick, slow])
def test_each_file_has_its_result_in_order(
    work: Callable[[int], tuple[int, int]], count: int
) -> None:
    assert [number for number, _ in map_files(work, list(range(count)))] == list(range(count))


def test_only_where_one_thread_waits_there_are_more() -> None:
    assert len({thread for _, thread in map_files(slow, list(range(100)))}) > 2


def test_work_of_the_processor_stays_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    # The clock of the wall is this thread's here: a busy machine takes time from it.
    monkeypatch.setattr("nodulus.app.reading.map_files.time.perf_counter", time.thread_time)
    assert {thread for _, thread in map_files(quick, list(range(200)))} == {threading.get_ident()}
