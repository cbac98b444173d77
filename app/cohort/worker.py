"""What has the networks loaded and analyses the items that it is sent, wherever it runs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, Protocol

from nodulus.app.cohort.items import CohortItem
from nodulus.app.cohort.ledger import WHOLE_ITEM, Outcome
from nodulus.app.errors import NodulusError


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


class Channel(Protocol):
    """Takes and gives messages, as a `multiprocessing.connection.Connection` does."""

    def send(self, message: Any) -> None:
        """Send one."""

    def recv(self) -> Any:
        """Wait for one."""


class Worker(ABC):
    """The near end of a worker.

    Messages that come out of ``connection``, each a tuple that begins with its name: ``ready``;
    ``unable`` (a `NodulusError`); ``claim`` (item id, keys), to be answered with keys; ``step``
    (study key, step, time); ``outcome`` (an `Outcome`, time); ``ended`` (problems that are no
    study's, time). A time is in seconds since 1970, by the worker's clock.

    Args:
        connection: to the worker.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_ready = False
        self.item: CohortItem | None = None
        self.key = WHOLE_ITEM
        self.step = "start"
        self.since = 0.0

    @property
    @abstractmethod
    def name(self) -> str:
        """By which logs tell it from others, such as its process id."""

    @property
    @abstractmethod
    def sentinel(self) -> Any:
        """For `multiprocessing.connection.wait`: ready when the worker has ended."""

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """Whether it can still answer."""

    @property
    @abstractmethod
    def end(self) -> str:
        """How it ended, such as "signal 9"."""

    @abstractmethod
    def held_mib(self) -> float:
        """Memory that it holds now, in MiB."""

    @abstractmethod
    def close(self, *, kill: bool) -> None:
        """End it: at once, or when it has read that there is nothing more to do."""

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


def work(options: Starts, channel: Channel) -> None:
    """Run items until None comes; in the worker.

    Args:
        options: how items are analysed.
        channel: to whoever sends them; for the messages see `Worker`.
    """
    try:
        runner = options.start()
    except NodulusError as error:
        channel.send(("unable", error))
        return
    channel.send(("ready",))
    last = ("", "")

    def tell(key: str, step: str) -> None:
        nonlocal last
        if (key, step) != last:
            last = key, step
            channel.send(("step", key, step, time.time()))

    def claim(item: str, keys: Sequence[str]) -> list[str]:
        channel.send(("claim", item, list(keys)))
        mine: list[str] = channel.recv()
        return mine

    def put(outcome: Outcome) -> None:
        channel.send(("outcome", outcome, time.time()))

    while (item := channel.recv()) is not None:
        problems = runner.run(item, claim, tell, put)
        channel.send(("ended", problems, time.time()))
