"""All of the service but what answers requests."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nodulus.app.cohort.supervisor import Limits
from nodulus.app.cohort.worker import Starts
from nodulus.app.deploy.node.orthanc import Orthanc
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.output import OutputFolder
from nodulus.app.review.database import Database
from nodulus.app.review.reading_rule import ReadingRule, reading_rule
from nodulus.app.review.store import Store
from nodulus.app.serve.analysis import AnalysisLoop, QueueRecord
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.destinations import OrthancDestination
from nodulus.app.serve.events import Events
from nodulus.app.serve.intake import Intake
from nodulus.app.serve.metrics import Metrics
from nodulus.app.serve.queue import Queue, QueueTimes
from nodulus.app.serve.queued_study import QueuedStudy
from nodulus.app.serve.retention import Retention, Sweeper
from nodulus.app.serve.sender import Destination, Sender
from nodulus.app.serve.sources import OrthancSource, Positions, WatchedFolder, watch
from nodulus.app.telemetry.watcher import Watcher, Watchers

logger = logging.getLogger("nodulus")

RESULTS = "results"
"""In the service's folder: a folder of results as `nodulus detect` writes it."""
_ORTHANC = "orthanc"
_END_S = 20.0


@dataclass(frozen=True)
class ServiceOptions:
    """How the service works.

    Args:
        folder: its own; images and results are in it.
        runner: how studies are analysed; its results go to `RESULTS` in the folder.
        workers: processes.
        limits: of a study.
        quiet_s: without a new image after which a study is complete.
        poll_s: between two looks at a source.
        watch: folders that are watched.
        orthanc: whose studies are taken, and which gets their results.
        destinations: that get every study's results, by name.
        retention: how long images and results are kept.
        rule: how alike two readings are the same.
        times: of the queue.
        watcher: is told what the workers are at.
    """

    folder: Path
    runner: Starts
    workers: int = 1
    limits: Limits = field(default_factory=lambda: Limits(attempts=1))
    quiet_s: float = 10.0
    poll_s: float = 5.0
    watch: Sequence[Path] = ()
    orthanc: Orthanc | None = None
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    rule: ReadingRule = field(default_factory=reading_rule)
    times: QueueTimes = field(default_factory=QueueTimes)
    watcher: Watcher = field(default_factory=Watcher)


class Service:
    """Takes studies, has them analysed, and sends the results on.

    Args:
        options: how.
        database: of queue and decisions.
        log: of who saw and changed what, and of what is removed.

    Raises:
        NodulusError: ``output-not-writable``.
    """

    def __init__(self, options: ServiceOptions, database: Database, log: AuditLog) -> None:
        self._options = options
        self.database = database
        self.results = options.folder / RESULTS
        OutputFolder(self.results)
        self.queue = Queue(database, secrets.token_hex(16), options.times)
        self.intake = Intake(options.folder, self.queue, options.quiet_s)
        self.events = Events()
        destinations = dict(options.destinations)
        if options.orthanc is not None:
            destinations[_ORTHANC] = OrthancDestination(options.orthanc)
        self._sender = Sender(database, self.results, destinations, options.times)
        self.metrics = Metrics(self.queue.counts, self._sender.counts)
        record = QueueRecord(self.queue, self.results, self.destinations, self.events, self.metrics)
        self._analysis = AnalysisLoop(
            self.queue, record, options.runner, options.workers, options.limits,
            self.intake.folder, self.events, Watchers((self.metrics, options.watcher)),
        )  # fmt: skip
        self.sweeper = Sweeper(
            options.folder, self.queue, self.intake, self.results, Store(database), log,
            options.retention, options.rule,
        )  # fmt: skip
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._more: dict[str, Callable[[threading.Event], None]] = {}
        self._failure: BaseException | None = None
        self._ended: Callable[[], None] = lambda: None

    @property
    def is_stopping(self) -> bool:
        """Whether it is about to end."""
        return self._stop.is_set()

    def step(self, study: str) -> str:
        """What the analysis of a study is at; empty for nothing."""
        return self._analysis.step(study)

    def add_part(self, name: str, run: Callable[[threading.Event], None]) -> None:
        """Have something else at work as long as the service is; before `start`.

        Args:
            name: of it.
            run: works until the event that it is given is set.
        """
        self._more[name] = run

    def start(self, ended: Callable[[], None]) -> None:
        """Begin to work.

        Args:
            ended: called where a part cannot go on; `check` then says why.
        """
        self._ended = ended
        parts: dict[str, Callable[[], None]] = {
            "analysis": lambda: self._analysis.run(self._stop),
            "sender": lambda: self._sender.run(self._stop),
            "sweeper": lambda: self.sweeper.run(self._stop),
            **{name: partial(run, self._stop) for name, run in self._more.items()},
        }
        positions, options = Positions(self.database), self._options
        for number, folder in enumerate(options.watch):
            watched = WatchedFolder(folder, self.intake, positions, options.quiet_s, time.monotonic)
            parts[f"watch-{number}"] = self._watching(watched.look)
        if options.orthanc is not None:
            source = OrthancSource(options.orthanc, self.intake, positions)
            parts[_ORTHANC] = self._watching(source.look)
        for name, part in parts.items():
            thread = threading.Thread(target=self._run, args=(part,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End the work; what is not done goes on at the next start."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_END_S)

    def check(self) -> None:
        """Make sure that all parts work.

        Raises:
            NodulusError: ``store-not-usable``, or why a part has ended.
        """
        self.queue.counts()
        if isinstance(self._failure, NodulusError):
            raise self._failure
        if self._failure is not None or not all(t.is_alive() for t in self._threads):
            raise NodulusError(
                ErrorCode.STORE_NOT_USABLE,
                "A part of the service has ended.",
                remedy="Start the service again; its log says why.",
            )

    def _watching(self, look: Callable[[], None]) -> Callable[[], None]:
        return lambda: watch(look, self._options.poll_s, self._stop)

    def _run(self, part: Callable[[], None]) -> None:
        try:
            part()
        except BaseException as error:
            self._failure = error
            logger.error("stopped: %s", error if isinstance(error, NodulusError) else type(error))
            logger.debug("details", exc_info=error)
            self._ended()

    def destinations(self, study: QueuedStudy) -> Sequence[str]:
        """Give the names of where the results of a study are sent."""
        names = list(self._options.destinations)
        return [*names, _ORTHANC] if study.source == "orthanc" else names
