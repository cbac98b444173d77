"""A process that has the networks loaded and analyses the items that it is sent."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Protocol

from nodulus.app.cohort.items import CohortItem
from nodulus.app.cohort.ledger import WHOLE_ITEM, Outcome
from nodulus.app.errors import NodulusError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read when the libraries are loaded, so they must be set before a process begins."""


class Runs(Protocol):
    """Runs items, as `ItemRunner` does."""

    def run(
        self,
        item: CohortItem,
        claim: Callable[[str, Sequence[str]], list[str]],
        tell: Callable[[str, str], None],
        put: Callable[[Outcome], None],
    ) -> list[NodulusError]:
        """See `ItemRunner.run`."""


class Starts(Protocol):
    """Gives, in a worker, what runs items; can be pickled. As `RunnerOptions` does."""

    @property
    def threads(self) -> int:
        """Of one worker."""

    def start(self) -> Runs:
        """Load the networks."""


class WorkerProcess:
    """The near end of a worker.

    Messages that come out of ``connection``, each a tuple that begins with its name: ``ready``;
    ``unable`` (a `NodulusError`); ``claim`` (item id, keys), to be answered with keys; ``step``
    (study key, step); ``outcome`` (an `Outcome`); ``ended`` (problems that are no study's).

    Args:
        options: how items are analysed.
    """

    def __init__(self, options: Starts) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(options, theirs))
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(options.threads)))
        try:
            self.process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        theirs.close()
        self.is_ready = False
        self.item: CohortItem | None = None
        self.key = WHOLE_ITEM
        self.step = "start"
        self.since = 0.0

    def give(self, item: CohortItem, now: float) -> None:
        """Send an item; the worker is free.

        Args:
            item: to analyse.
            now: seconds, from which the time of a study counts.
        """
        self.item, self.key, self.step, self.since = item, WHOLE_ITEM, "", now
        # A study's archives and what was read ahead belong to the process that found it.
        study = None if item.study is None else replace(item.study, archives=None, ahead=None)
        self.connection.send(replace(item, study=study))

    def close(self, *, kill: bool) -> None:
        """End it: at once, or when it has read that there is nothing more to do."""
        if kill:
            self.process.kill()
        else:
            with suppress(OSError):  # gone already
                self.connection.send(None)
        self.process.join()
        self.connection.close()


def serve(options: Starts, connection: Connection) -> None:
    """Run items until None comes; in the worker.

    Args:
        options: how items are analysed.
        connection: to the process that started this one.
    """
    from nodulus.app.worker_pool import end_with_parent

    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides
    try:
        runner = options.start()
    except NodulusError as error:
        connection.send(("unable", error))
        return
    connection.send(("ready",))
    last = ("", "")

    def tell(key: str, step: str) -> None:
        nonlocal last
        if (key, step) != last:
            last = key, step
            connection.send(("step", key, step))

    def claim(item: str, keys: Sequence[str]) -> list[str]:
        connection.send(("claim", item, list(keys)))
        mine: list[str] = connection.recv()
        return mine

    while (item := connection.recv()) is not None:
        problems = runner.run(item, claim, tell, lambda o: connection.send(("outcome", o)))
        connection.send(("ended", problems))
