"""Keeps the workers busy with the studies of the queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nodulus.app.cohort.items import CohortItem
from nodulus.app.cohort.ledger import Outcome
from nodulus.app.cohort.supervisor import Limits, Supervisor
from nodulus.app.cohort.worker import Starts
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.serve.events import Events
from nodulus.app.serve.intake import read_identity
from nodulus.app.serve.metrics import Metrics
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import Analysed, QueuedStudy
from nodulus.app.telemetry.watcher import Watcher

logger = logging.getLogger("nodulus")

SIGNED = "signed"
"""In a result's folder: what its reader has signed off, which an analysis has no part in."""
_PAUSE_S = 10.0
"""Before workers are started again, after what is so for a while."""
_FOR_A_WHILE = (
    ErrorCode.OUTPUT_NOT_WRITABLE,
    ErrorCode.STORE_NOT_USABLE,
    ErrorCode.MODEL_SERVICE_NOT_REACHABLE,
)

Destinations = Callable[[QueuedStudy], Sequence[str]]
"""Gives the names of the destinations of a study's results."""


class QueueRecord:
    """What the supervisor tells of its items, put into the queue when an item has ended.

    Args:
        queue: of the studies.
        results: the folder of results.
        destinations: where results are sent.
        events: gets each end.
        metrics: counts it.
    """

    def __init__(
        self,
        queue: Queue,
        results: Path,
        destinations: Destinations,
        events: Events,
        metrics: Metrics,
    ) -> None:
        self._queue = queue
        self._results = results
        self._destinations = destinations
        self._events = events
        self._metrics = metrics
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        self._problems: dict[str, list[NodulusError]] = {}

    def start(self, item: str) -> int:
        """An item is begun."""
        self._outcomes[item], self._problems[item] = {}, []
        self._events.tell(item, "running")
        return 1

    def claim(self, item: str, keys: Sequence[str]) -> list[str]:
        """All of an item's studies are its own, but for those that have ended."""
        return [key for key in keys if key not in self._outcomes[item]]

    def write(self, outcome: Outcome) -> None:
        """A study has ended."""
        self._outcomes[outcome.item][outcome.key] = outcome

    def write_problems(self, item: str, problems: Sequence[NodulusError]) -> None:
        """What in an item is no study."""
        self._problems[item] = list(problems)

    def reopen(self, item: str) -> None:
        """An item goes on with its other studies; what has ended is kept."""

    def end(self, item: str) -> None:
        """Nothing is left to do of an item."""
        outcomes = list(self._outcomes.pop(item, {}).values())
        problems = self._problems.pop(item, [])
        analysed = self._analysed(item, outcomes, problems)
        state = self._queue.finish(item, analysed)
        if state is None:
            logger.warning("study %s: another service has taken it over", item)
            return
        code = "" if analysed.error is None else f", {analysed.error.code.value}"
        logger.info("study %s: %s%s", item, state, code)
        self._metrics.analysed(analysed.state, analysed.wall_s)
        self._events.tell(item, state)

    def _analysed(
        self, item: str, outcomes: Sequence[Outcome], problems: Sequence[NodulusError]
    ) -> Analysed:
        wall_s = sum(outcome.wall_s or 0.0 for outcome in outcomes)
        error = next((_error(o) for o in outcomes if o.code is not None), None)
        results = tuple(
            (o.key, o.folder, o.findings or 0) for o in outcomes if o.folder is not None
        )
        if outcomes and len(results) == len(outcomes):  # incomplete or not, there is a result
            objects = self._objects(item, [folder for _, folder, _ in results])
            return Analysed("done", error, results, objects, wall_s)
        if error is None:
            error = problems[0] if problems else _nothing()
        is_ours = any(outcome.status == "failed" for outcome in outcomes)
        return Analysed("failed" if is_ours else "refused", error, wall_s=wall_s)

    def _objects(self, item: str, folders: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
        destinations = self._destinations(self._queue.study(item))
        found = []
        for path in sorted(p for f in folders for p in (self._results / f).rglob("*.dcm")):
            identity = None if path.parent.name == SIGNED else read_identity(path)
            if identity is not None:
                name = str(path.relative_to(self._results))
                found += [(where, name, identity.sop_instance_uid) for where in destinations]
        return tuple(found)


class AnalysisLoop:
    """Takes studies from the queue and gives them to workers.

    Args:
        queue: of the studies.
        record: gets what becomes of them.
        options: how studies are analysed.
        workers: how many processes.
        limits: of a study.
        images: gives the folder of a study's files.
        events: gets each step.
        watcher: is told what the workers are at.
    """

    def __init__(
        self,
        queue: Queue,
        record: QueueRecord,
        options: Starts,
        workers: int,
        limits: Limits,
        images: Callable[[str], Path],
        events: Events,
        watcher: Watcher | None = None,
    ) -> None:
        self._queue = queue
        self._record = record
        self._watcher = watcher
        self._options = options
        self._workers = workers
        self._limits = limits
        self._images = images
        self._events = events
        self._steps: dict[str, str] = {}

    def step(self, study: str) -> str:
        """What a study in work is at; empty for nothing."""
        return self._steps.get(study, "")

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; what is in work then is given back.

        Args:
            stop: ends it.

        Raises:
            NodulusError: the workers cannot start.
        """
        while not stop.is_set():
            supervisor = Supervisor(
                self._options, self._record, self._workers, self._limits, lambda _outcome: None,
                watcher=self._watcher,
            )  # fmt: skip
            try:
                self._work(supervisor, stop)
            except NodulusError as error:
                if error.code not in _FOR_A_WHILE:
                    raise
                logger.error("%s", error)
                stop.wait(_PAUSE_S)
            finally:
                supervisor.close(kill=True)
                self._release()

    def _release(self) -> None:
        try:
            self._queue.release()
        except NodulusError as error:  # the leases run out by themselves
            logger.warning("%s", error)

    def _work(self, supervisor: Supervisor, stop: threading.Event) -> None:
        renew_every, renewed = self._queue.times.lease_s / 4, 0.0
        while not stop.is_set():
            while supervisor.free > 0 and (study := self._queue.take()) is not None:
                supervisor.add(CohortItem(study.id, study.id, path=self._images(study.id)))
            supervisor.step()
            if time.monotonic() - renewed > renew_every:
                self._queue.renew()
                renewed = time.monotonic()
            self._tell(supervisor.steps)

    def _tell(self, steps: dict[str, str]) -> None:
        for study, step in steps.items():
            if step and self._steps.get(study) != step:
                self._events.tell(study, "running", step)
        self._steps = dict(steps)


def _error(outcome: Outcome) -> NodulusError:
    return NodulusError(ErrorCode(outcome.code), outcome.message or "", remedy=outcome.remedy or "")


def _nothing() -> NodulusError:
    return NodulusError(
        ErrorCode.NO_CT_SERIES,
        "No study was found in what came.",
        remedy="Send the images of a chest CT.",
    )
