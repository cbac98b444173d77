"""What is done with for long enough is removed: images, and results; decisions and logs stay.

A folder is renamed within the transaction that says so, and deleted afterwards: a service that is
killed in between goes on at its next start.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import get_args

from nodulus.app.errors import NodulusError
from nodulus.app.review.double_reading import final_state, logs_by_reader
from nodulus.app.review.reading_rule import ReadingRule
from nodulus.app.review.result_folders import read_folder
from nodulus.app.review.store import Store, analysis_name
from nodulus.app.serve.audit import SERVICE, AuditLog
from nodulus.app.serve.intake import Intake
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import QueuedStudy
from nodulus.app.serve.removals import Removable, Removals

logger = logging.getLogger("nodulus")

REMOVED_PREFIX = ".removed-"
_LOOK_EVERY_S = 60.0


@dataclass(frozen=True)
class Retention:
    """How many days images and results are kept; None for as long as the service's folder is.

    Args:
        images_days: since the analysis ended or, if later, the study was signed off.
        results_days: likewise.
    """

    images_days: float | None = None
    results_days: float | None = None

    def days(self, what: Removable) -> float | None:
        """Of one of both."""
        return self.images_days if what == "images" else self.results_days


class Sweeper:
    """Removes what is due.

    Args:
        folder: of the service.
        queue: of the studies.
        intake: has the images.
        results: the folder of results.
        store: of all decisions.
        log: gets an entry for each removal.
        retention: how long things are kept.
        rule: how alike two readings are the same.
        now: the time, UTC.
    """

    def __init__(
        self,
        folder: Path,
        queue: Queue,
        intake: Intake,
        results: Path,
        store: Store,
        log: AuditLog,
        retention: Retention,
        rule: ReadingRule,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._folder = folder
        self._queue = queue
        self._removals = Removals(queue)
        self._intake = intake
        self._results = results
        self._store = store
        self._log = log
        self._retention = retention
        self._rule = rule
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Look every minute until ``stop`` is set."""
        while not stop.is_set():
            try:
                self.sweep()
            except NodulusError as error:  # the database, for a while
                logger.warning("%s", error)
            stop.wait(_LOOK_EVERY_S)

    def sweep(self) -> int:
        """Remove all that is due now; how many folders that were."""
        self._delete()  # what a service that was killed has left
        removed = 0
        for what in get_args(Removable):
            days = self._retention.days(what)
            if days is not None:
                before = (self._now() - timedelta(days=days)).isoformat(timespec="milliseconds")
                for study in self._removals.due(what, before):
                    removed += self._remove(what, study, before)
        self._delete()
        return removed

    def _remove(self, what: Removable, study: str, before: str) -> bool:
        def put_away(queued: QueuedStudy) -> bool:
            if not self._is_read(queued, before):
                return False
            folders = [self._results / folder for _, folder, _ in queued.results]
            for path in [self._intake.folder(study)] if what == "images" else folders:
                if path.is_dir():
                    path.rename(self._folder / f"{REMOVED_PREFIX}{secrets.token_hex(8)}")
            return True

        with self._intake.alone() as alone:
            if not alone or not self._removals.remove(what, study, before, put_away):
                return False
        logger.info("study %s: %s removed", study, what)
        self._log.write(
            "study-removed", SERVICE, "", study=self._queue.uid_of(study), detail=what,
            success=True,
        )  # fmt: skip
        return True

    def _is_read(self, study: QueuedStudy, before: str) -> bool:
        """Whether nobody has begun to read it, or it was signed off long enough ago."""
        for _, name, _ in study.results:
            found = read_folder(self._results / name, images=lambda _: None)
            if found is None:
                continue
            analysis = analysis_name(found.result)
            readings = self._store.readings([analysis]).get(analysis)
            if not readings:
                continue
            state = final_state(found.result, logs_by_reader(readings, self._rule))
            if state is None or state.signed_off is None or state.signed_off.at > before:
                return False
        return True

    def _delete(self) -> None:
        for left in self._folder.glob(f"{REMOVED_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
