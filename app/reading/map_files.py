"""Work on many files: by one thread where they are at hand, by several where one would wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = 8
_PART = 32
"""Files after which it is asked again whether one thread waits."""
_WAITS = 0.5
"""Share of the time; on a network drive it is nearly all."""


def map_files(work: Callable[[Item], Result], files: Sequence[Item]) -> Iterator[Result]:
    """Do some work of Python's for each file, and give the results in order.

    Threads share one interpreter: where nothing waits, passing it on takes longer than the work.

    Args:
        work: reads a file.
        files: any number.
    """
    waits = False
    with ThreadPoolExecutor(_THREADS) as pool:  # starts no thread before it is asked
        # Parts bound the memory: a pool's map would work far ahead of who takes the results.
        for first in range(0, len(files), _PART):
            part = files[first : first + _PART]
            if waits:
                yield from pool.map(work, part)
                continue
            began, worked = time.perf_counter(), time.thread_time()
            results = [work(file) for file in part]
            took = time.perf_counter() - began
            waits = took - (time.thread_time() - worked) > _WAITS * took
            yield from results
