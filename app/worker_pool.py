"""Worker processes that end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait


def worker_pool(workers: int, start: Callable[[], object] | None = None) -> ProcessPoolExecutor:
    """A pool of spawned processes that end when this one does.

    A parent that is killed cannot tell its workers, which would wait for tasks for ever.

    Args:
        workers: at most so many processes.
        start: called once in each; can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(start,))


def end_with_parent() -> None:
    """Let this process end when the one that started it does; to be called in a child process."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _begin(start: Callable[[], object] | None) -> None:
    end_with_parent()
    if start is not None:
        start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
