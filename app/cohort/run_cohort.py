"""A cohort from its items to its tables."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.cohort.file_lock import LockTimeoutError, file_lock
from nodulus.app.cohort.items import CohortItem, Inventory, shard_of
from nodulus.app.cohort.ledger import WHOLE_ITEM, Ledger, Outcome
from nodulus.app.cohort.tables import (
    FINDING_COLUMNS,
    STUDY_COLUMNS,
    FindingRow,
    StudyRow,
    TableWriter,
)
from nodulus.app.private_folder import STAGING_PREFIX, private_folder
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.app.results.same_study import stored_result
from nodulus.app.telemetry.study_clock import StudyClock
from nodulus.app.telemetry.watcher import End, Watcher

if TYPE_CHECKING:
    from nodulus.app.cohort.item_runner import RunnerOptions
    from nodulus.app.cohort.supervisor import Limits, NewWorker

STATE_FOLDER = "cohort"
"""In the output folder: the ledgers, manifests and tables."""
SUMMING_UP_WAIT_S = 1800.0
"""Tables of a million studies take minutes, and several shards may end at one moment."""


@dataclass(frozen=True)
class Shard:
    """A part of a cohort.

    Args:
        number: from 1.
        count: of parts.
    """

    number: int = 1
    count: int = 1

    def name(self) -> str:
        """For files."""
        return f"shard-{self.number:05d}-of-{self.count:05d}"


@dataclass(frozen=True)
class CohortRun:
    """What a run of one shard came to.

    Args:
        shard: which.
        counts: of outcomes by status, of all runs of the shard, and of items that are open.
        done_before: items that earlier runs had ended.
        began: ISO 8601, UTC.
        wall_s: seconds of this run.
        cpu_s: of all cores, of the studies of this run.
    """

    shard: Shard
    counts: dict[str, int]
    done_before: int
    began: str
    wall_s: float
    cpu_s: float

    @property
    def failed(self) -> bool:
        """Whether anything was refused, failed or is still open."""
        return any(self.counts[name] for name in ("refused", "failed", "open"))


Tell = Callable[[Outcome | None], None]


def run_cohort(
    found: Inventory,
    options: RunnerOptions,
    shard: Shard,
    *,
    workers: int,
    limits: Limits,
    retry_failed: bool = False,
    begun: Callable[[int, int], None] | None = None,
    tell: Tell | None = None,
    new_worker: NewWorker | None = None,
    watcher: Watcher | None = None,
) -> CohortRun:
    """Analyse what is not done yet of a shard.

    Args:
        found: what the sources hold.
        options: how it is analysed.
        shard: which part of it.
        workers: processes; 0 for this one, which has no limits.
        limits: of a study.
        retry_failed: whether studies that failed are tried again.
        begun: called once with (items to do, items done before).
        tell: called with each outcome, and with None whenever an item has ended.
        new_worker: starts a worker; None for processes of this machine.
        watcher: is told what the workers are at.

    Raises:
        NodulusError: models, settings or the output folder cannot be used, or another run is at
            work on the shard.
    """
    began, start = datetime.now(timezone.utc).isoformat(timespec="seconds"), time.perf_counter()
    items = shard_of(found.items, shard.number, shard.count)
    path = options.output / STATE_FOLDER / f"{shard.name()}.sqlite"
    costs = [0.0]
    watcher, began_s = watcher or Watcher(), time.time()

    def note(outcome: Outcome | None) -> None:
        costs[0] += 0.0 if outcome is None else outcome.cpu_s or 0.0
        if tell is not None:
            tell(outcome)

    with ExitStack() as stack:
        ledger = opened(path, options.fingerprint())
        stack.callback(ledger.close)
        stack.enter_context(ledger.alone())
        ledger.begin(items, retry_failed=retry_failed)
        ledger.reopen_without_result(options.output, FINDINGS_FILE)
        ledger.write_problems(WHOLE_ITEM, found.problems if shard.number == 1 else ())
        is_open = ledger.open_items()
        to_do = [item for item in items if item.id in is_open]
        before = len(items) - len(to_do)
        if begun is not None:
            begun(len(to_do), before)
        facts = {"shard": f"{shard.number}/{shard.count}", "workers": workers}
        watcher.run_began(
            {**facts, "items_to_do": len(to_do), "items_done_before": before}, began_s
        )
        try:
            if to_do:
                _run(to_do, options, ledger, workers, limits, note, new_worker, watcher)
        except BaseException as error:
            stopped = {**facts, "stopped_by": type(error).__name__}
            watcher.run_ended(stopped, began_s, time.time())
            raise
        counts = ledger.counts()
        watcher.run_ended({**facts, **counts}, began_s, time.time())
    return CohortRun(
        shard,
        counts,
        before,
        began,
        time.perf_counter() - start,
        costs[0],
    )


def opened(path: Path, fingerprint: str = "") -> Ledger:
    """Open a ledger.

    Raises:
        NodulusError: it cannot be made, or is no ledger.
    """
    import sqlite3

    from nodulus.app.errors import ErrorCode, NodulusError

    try:
        return Ledger(path, fingerprint)
    except (OSError, sqlite3.Error) as error:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The state of the run cannot be kept here ({error}).",
            remedy="See to the permissions and the free space, or choose another folder with -o.",
            subject=path,
        ) from error


def _run(
    items: Sequence[CohortItem],
    options: RunnerOptions,
    ledger: Ledger,
    workers: int,
    limits: Limits,
    tell: Tell,
    new_worker: NewWorker | None,
    watcher: Watcher,
) -> None:
    if workers:
        from nodulus.app.cohort.supervisor import Supervisor

        count = min(workers, len(items))
        supervisor = Supervisor(options, ledger, count, limits, tell, new_worker, watcher)
        supervisor.run(items)
        return
    from nodulus.app.cohort.item_runner import ItemRunner

    clock = StudyClock(watcher, str(os.getpid()))

    def put(outcome: Outcome) -> None:
        clock.outcome(outcome.key, outcome.end(), time.time())
        ledger.write(outcome)
        tell(outcome)

    def step(key: str, name: str) -> None:
        clock.step(key, name, time.time())

    runner = ItemRunner(options)
    for item in items:
        ledger.start(item.id)
        clock.begin(item.id, time.time())
        try:
            problems = runner.run(item, ledger.claim, step, put)
        except BaseException:
            clock.cut(End(), time.time(), again=True)
            raise
        clock.end(time.time())
        ledger.write_problems(item.id, problems)
        ledger.end(item.id)
        tell(None)


def ledgers(output: Path) -> Iterator[Ledger]:
    """Open the ledger of each shard that has begun, one after the other."""
    for path in sorted((output / STATE_FOLDER).glob("shard-*.sqlite")):
        ledger = opened(path)
        try:
            yield ledger
        finally:
            ledger.close()


def study_rows(output: Path) -> Iterator[StudyRow]:
    """Give every outcome of every shard that has begun, with its result where there is one."""
    for ledger in ledgers(output):
        given = ledger.given()
        for outcome in ledger.outcomes():
            result = None if outcome.folder is None else stored_result(output / outcome.folder)
            yield StudyRow(outcome, given.get(outcome.item), result)


@contextmanager
def summing_up(output: Path) -> Iterator[None]:
    """Keep other shards from summing up; what is read meanwhile is as new as what ended before.

    Two shards that end at one moment would else write what each has read of the other, in any
    order, and the older one could stay.

    Args:
        output: the folder for results.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE: others have been at it for too long.
    """
    from nodulus.app.errors import ErrorCode, NodulusError

    try:
        with file_lock(output / STATE_FOLDER / "tables.lock", SUMMING_UP_WAIT_S):
            yield
    except LockTimeoutError as error:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            "Another run writes the tables of this folder, and has not ended within"
            f" {SUMMING_UP_WAIT_S / 60:.0f} minutes.",
            remedy="Every result is kept. Run the same command once more when the other has ended.",
            subject=output,
        ) from error


def write_tables(output: Path, *, deidentify: bool = False) -> tuple[Path, ...]:
    """Write ``studies`` and ``findings`` of every shard that has begun, as CSV and Parquet.

    Args:
        output: the folder for results.
        deidentify: whether paths and messages, which may hold a name, are left out.

    Raises:
        OSError: they cannot be written.
    """
    folder = output / STATE_FOLDER
    hidden = {"input", "message"} if deidentify else set()
    columns = tuple(column for column in STUDY_COLUMNS if column.name not in hidden)
    with private_folder(folder, STAGING_PREFIX) as own:
        with (
            TableWriter(own, "studies", columns) as studies,
            TableWriter(own, "findings", FINDING_COLUMNS) as findings,
        ):
            for row in study_rows(output):
                studies.add(row)
                if row.result is not None:
                    for finding in row.result.findings:
                        findings.add(FindingRow(row.outcome.folder or "", row.result, finding))
        files = (*studies.files, *findings.files)
        for path in files:
            path.replace(folder / path.name)
    return tuple(folder / path.name for path in files)
