"""Who is told what workers are at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ITEM_ITSELF = ""
"""In the place of a study's key: the unit of work in which studies are found."""


@dataclass(frozen=True)
class Work:
    """What a worker works on.

    Args:
        item: the id of a unit of work, which tells nothing of the patient.
        study: the key of one of its studies, by which the folder of its result is named; or
            `ITEM_ITSELF`.
        worker: process id, or another name of the worker.
    """

    item: str
    study: str
    worker: str


@dataclass(frozen=True)
class End:
    """How it ended. Messages, which may quote a path, are left out.

    Args:
        status: done, refused or failed; None for an item, of which only its studies have one.
        code: of the error.
        findings: how many.
        cpu_s: seconds of all cores.
        peak_mib: most memory that the worker has held so far.
        again: whether it was cut short, and something of it will be tried again.
    """

    status: str | None = None
    code: str | None = None
    findings: int | None = None
    cpu_s: float | None = None
    peak_mib: float | None = None
    again: bool = False


class Watcher:
    """Is told of runs, items, studies and steps; a base that does nothing with it.

    Times are seconds since 1970, by the clock of the worker's machine.
    """

    def run_began(self, facts: Mapping[str, object], at_s: float) -> None:
        """A run begins.

        Args:
            facts: of it, such as the number of its workers.
            at_s: when.
        """

    def began(self, work: Work, at_s: float) -> None:
        """A worker begins an item or a study."""

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        """A step has ended; steps follow each other without a gap."""

    def ended(self, work: Work, end: End, began_s: float, ended_s: float) -> None:
        """An item or a study has ended, or was stopped."""

    def run_ended(self, facts: Mapping[str, object], began_s: float, ended_s: float) -> None:
        """A run has ended.

        Args:
            facts: of it, such as the number of its studies by status.
            began_s: when it began.
            ended_s: when it ended.
        """

    def close(self) -> None:
        """Write what is left."""


class Watchers(Watcher):
    """Passes on to several.

    Args:
        watchers: that are told.
    """

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = tuple(watchers)

    def run_began(self, facts: Mapping[str, object], at_s: float) -> None:
        """See `Watcher.run_began`."""
        for watcher in self._watchers:
            watcher.run_began(facts, at_s)

    def began(self, work: Work, at_s: float) -> None:
        """See `Watcher.began`."""
        for watcher in self._watchers:
            watcher.began(work, at_s)

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        """See `Watcher.step`."""
        for watcher in self._watchers:
            watcher.step(work, name, began_s, ended_s)

    def ended(self, work: Work, end: End, began_s: float, ended_s: float) -> None:
        """See `Watcher.ended`."""
        for watcher in self._watchers:
            watcher.ended(work, end, began_s, ended_s)

    def run_ended(self, facts: Mapping[str, object], began_s: float, ended_s: float) -> None:
        """See `Watcher.run_ended`."""
        for watcher in self._watchers:
            watcher.run_ended(facts, began_s, ended_s)

    def close(self) -> None:
        """See `Watcher.close`."""
        for watcher in self._watchers:
            watcher.close()
