"""Keeps workers busy, stops those that hang or take too much memory, and loses no study."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Protocol

from nodulus.app.cohort.items import CohortItem
from nodulus.app.cohort.ledger import WHOLE_ITEM, Outcome
from nodulus.app.cohort.worker import Starts, Worker
from nodulus.app.cohort.worker_process import WorkerProcess
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.telemetry.study_clock import StudyClock
from nodulus.app.telemetry.watcher import End, Watcher

_LOOK_EVERY_S = 0.5
_STARTS_IN_VAIN = 3
_IN_VAIN_IN_A_ROW = 3
_FAILS_ALL = {
    ErrorCode.OUTPUT_NOT_WRITABLE.value: "could not be written",
    ErrorCode.MODEL_SERVICE_NOT_REACHABLE.value: "had no answer of the model service",
}
"""Errors that thousands of studies would meet alike, and what to say of the last ones."""


@dataclass(frozen=True)
class Limits:
    """What a study may take.

    Args:
        time_s: for a study, and for the search of a path.
        memory_mib: of a worker.
        attempts: at a study in which the worker died.
    """

    time_s: float = 1800.0
    memory_mib: float = float("inf")
    attempts: int = 2


class Record(Protocol):
    """What is kept of items and studies, as `nodulus.app.cohort.ledger.Ledger` does."""

    def start(self, item: str) -> int:
        """An item is begun."""

    def claim(self, item: str, keys: Sequence[str]) -> list[str]:
        """Which of an item's studies are to be done."""

    def write(self, outcome: Outcome) -> None:
        """A study has ended."""

    def write_problems(self, item: str, problems: Sequence[NodulusError]) -> None:
        """What in an item is no study."""

    def end(self, item: str) -> None:
        """Nothing is left to do of an item."""

    def reopen(self, item: str) -> None:
        """An item is to be tried again."""


Report = Callable[[Outcome | None], None]
"""Called with each outcome, and with None whenever an item has ended."""
NewWorker = Callable[[Starts], Worker]


class Supervisor:
    """Runs items in workers.

    Args:
        options: how items are analysed.
        ledger: what has become of each study.
        workers: how many.
        limits: of a study.
        report: see `Report`.
        new_worker: starts a worker; None for processes of this machine.
        watcher: is told what the workers are at.
    """

    def __init__(
        self,
        options: Starts,
        ledger: Record,
        workers: int,
        limits: Limits,
        report: Report,
        new_worker: NewWorker | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self._options = options
        self._ledger = ledger
        self._count = workers
        self._limits = limits
        self._report = report
        self._new_worker = new_worker or WorkerProcess
        self._watcher = watcher or Watcher()
        self._clocks: dict[Worker, StudyClock] = {}
        self._workers: list[Worker] = []
        self._queue: deque[CohortItem] = deque()
        self._deaths: Counter[tuple[str, str]] = Counter()
        self._stopped: dict[str, set[str]] = {}
        self._starts_in_vain = 0
        self._in_vain: tuple[str | None, int] = None, 0

    def run(self, items: Sequence[CohortItem]) -> None:
        """Analyse items until none is left.

        Args:
            items: in the order in which they are begun.

        Raises:
            NodulusError: workers cannot start, or results cannot be written any more; what is not
                done is open in the ledger.
            KeyboardInterrupt: likewise.
        """
        self._queue.extend(items)
        try:
            while not self.is_idle:
                self.step()
        except BaseException as error:
            self.close(kill=True)
            if isinstance(error, sqlite3.OperationalError):
                raise _unwritable(str(error)) from error
            raise
        self.close(kill=False)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._queue and all(worker.item is None for worker in self._workers)

    @property
    def free(self) -> int:
        """How many more items could be worked on at once."""
        busy = sum(worker.item is not None for worker in self._workers)
        return self._count - busy - len(self._queue)

    @property
    def steps(self) -> dict[str, str]:
        """What each item is at, by its id."""
        return {w.item.id: w.step for w in self._workers if w.item is not None}

    def add(self, item: CohortItem) -> None:
        """Have an item analysed in the steps to come."""
        self._queue.append(item)

    def step(self) -> None:
        """Give items to workers, and take what they say for half a second.

        Raises:
            NodulusError: as `run`; then `close` is to be called.
        """
        self._fill()
        self._look()

    def close(self, *, kill: bool) -> None:
        """End the workers.

        Args:
            kill: at once, and not when they are done with what they have.
        """
        for worker in self._workers:
            worker.close(kill=kill)
            self._clocks[worker].cut(End(), time.time(), again=True)
        self._workers.clear()
        self._clocks.clear()

    def _fill(self) -> None:
        """Start workers that are missing, and give those that are free something to do."""
        wanted = min(self._count, len(self._queue) + sum(w.item is not None for w in self._workers))
        while len(self._workers) < wanted:
            worker = self._new_worker(self._options)
            self._workers.append(worker)
            self._clocks[worker] = StudyClock(self._watcher, worker.name)
        for worker in self._workers:
            if worker.is_ready and worker.item is None and self._queue:
                item = self._queue.popleft()
                self._ledger.start(item.id)
                self._clocks[worker].begin(item.id, time.time())
                try:
                    worker.give(item, time.monotonic())
                except OSError:  # it has just died: its end is seen at the next look
                    continue

    def _look(self) -> None:
        """Wait for messages; see who has died, hangs, or takes too much."""
        by_handle: dict[Any, Worker] = {}
        for worker in self._workers:
            by_handle[worker.connection] = by_handle[worker.sentinel] = worker
        if not by_handle:
            time.sleep(_LOOK_EVERY_S)
        for handle in wait(list(by_handle), timeout=_LOOK_EVERY_S):
            worker = by_handle[handle]
            if worker in self._workers and not self._received(worker):
                self._died(worker)
        for worker in tuple(self._workers):
            if self._over_limit(worker) is None:
                continue
            # What it has said until now comes first: it may be at another study.
            if not self._received(worker):
                self._died(worker)
            elif (error := self._over_limit(worker)) is not None:
                self._stop(worker, error)

    def _over_limit(self, worker: Worker) -> NodulusError | None:
        """Why a worker is to be stopped; None where it is not."""
        if worker.item is None:
            return None
        if time.monotonic() - worker.since > self._limits.time_s:
            return _time_error(self._limits.time_s, worker.step)
        held = worker.held_mib()
        if held > self._limits.memory_mib:
            return _memory_error(held, self._limits.memory_mib, worker.step)
        return None

    def _received(self, worker: Worker) -> bool:
        """Take what a worker has sent; whether it lives."""
        try:
            while worker.connection.poll():
                self._take(worker, worker.connection.recv())
        except (EOFError, OSError):
            return False
        return worker.is_alive

    def _take(self, worker: Worker, message: tuple[Any, ...]) -> None:
        name, *content = message
        if name == "ready":
            worker.is_ready, self._starts_in_vain = True, 0
        elif name == "unable":
            raise content[0]
        elif name == "step":
            key, step, at_s = content
            self._clocks[worker].step(key, step, at_s)
            if key != worker.key:
                worker.since = time.monotonic()
            worker.key, worker.step = key, step
        elif name == "claim":
            item, keys = content
            left_out = self._stopped.get(item, set())
            mine = self._ledger.claim(item, [key for key in keys if key not in left_out])
            worker.connection.send(mine)
        elif name == "outcome":
            outcome, at_s = content
            self._clocks[worker].outcome(outcome.key, outcome.end(), at_s)
            self._put(outcome)
        else:
            problems, at_s = content
            self._clocks[worker].end(at_s)
            item, worker.item = worker.item, None
            assert item is not None, "it was given one"
            self._ledger.write_problems(item.id, problems)
            self._ended(item)

    def _put(self, outcome: Outcome) -> None:
        self._ledger.write(outcome)
        self._report(outcome)
        last, count = self._in_vain
        count = count + 1 if outcome.code == last else 1
        self._in_vain = outcome.code, count
        if outcome.code in _FAILS_ALL and count >= _IN_VAIN_IN_A_ROW:
            why = f"{count} studies in a row {_FAILS_ALL[outcome.code]}"
            if outcome.code == ErrorCode.OUTPUT_NOT_WRITABLE.value:
                raise _unwritable(why)
            raise _service_away(why)

    def _died(self, worker: Worker) -> None:
        """A worker has ended by itself: its study is tried again, or given up."""
        clock = self._remove(worker)
        if worker.item is None:
            self._starts_in_vain += not worker.is_ready
            if self._starts_in_vain >= _STARTS_IN_VAIN:
                raise NodulusError(
                    ErrorCode.WORKER_DIED,
                    f"{_STARTS_IN_VAIN} workers ended before they could begin.",
                    remedy="Use fewer --workers, or look with --workers 0 for the cause.",
                )
            return
        self._deaths[worker.item.id, worker.key] += 1
        if self._deaths[worker.item.id, worker.key] < self._limits.attempts:
            clock.cut(End(code=ErrorCode.WORKER_DIED.value), time.time(), again=True)
            self._again(worker.item)
        else:
            error = _death_error(self._limits.attempts, worker.end, worker.step)
            self._give_up(worker, error, clock)

    def _remove(self, worker: Worker) -> StudyClock:
        self._workers.remove(worker)
        worker.close(kill=True)
        return self._clocks.pop(worker)

    def _stop(self, worker: Worker, error: NodulusError) -> None:
        self._give_up(worker, error, self._remove(worker))

    def _give_up(self, worker: Worker, error: NodulusError, clock: StudyClock) -> None:
        """Put down why a study was stopped; the others of its item are still done."""
        item, key = worker.item, worker.key
        assert item is not None, "it was given one"
        outcome = Outcome(
            item.id,
            key,
            "failed",
            code=error.code.value,
            message=error.message,
            remedy=error.remedy,
            wall_s=time.monotonic() - worker.since,
        )
        is_last = item.study is not None or key == WHOLE_ITEM
        clock.cut(outcome.end(), time.time(), again=not is_last)
        self._ledger.write(outcome)
        self._report(outcome)
        if is_last:
            self._ended(item)
        else:
            self._stopped.setdefault(item.id, set()).add(key)
            self._again(item)

    def _ended(self, item: CohortItem) -> None:
        """Nothing is left to do of an item; it may be given anew."""
        self._ledger.end(item.id)
        self._stopped.pop(item.id, None)
        for known in [known for known in self._deaths if known[0] == item.id]:
            del self._deaths[known]
        self._report(None)

    def _again(self, item: CohortItem) -> None:
        self._ledger.reopen(item.id)
        self._queue.append(item)


def _unwritable(why: str) -> NodulusError:
    return _run_stopped(
        ErrorCode.OUTPUT_NOT_WRITABLE, why, "See to the free space and the permissions"
    )


def _service_away(why: str) -> NodulusError:
    return _run_stopped(
        ErrorCode.MODEL_SERVICE_NOT_REACHABLE, why, "See to the server and the network"
    )


def _run_stopped(code: ErrorCode, why: str, first: str) -> NodulusError:
    """The error of a run that goes on by the same command, once something is seen to."""
    return NodulusError(
        code,
        f"The run was stopped: {why}.",
        remedy=f"{first}, then give the same command again with --retry-failed.",
    )


def _time_error(limit_s: float, step: str) -> NodulusError:
    return NodulusError(
        ErrorCode.TIME_LIMIT,
        f"The step {step!r} was not done after {limit_s:.0f} s, and was stopped.",
        remedy="Give more time with --time-limit, and --retry-failed.",
    )


def _memory_error(held_mib: float, limit_mib: float, step: str) -> NodulusError:
    return NodulusError(
        ErrorCode.MEMORY_LIMIT,
        f"The worker held {held_mib:.0f} MiB in the step {step!r}, more than {limit_mib:.0f} MiB,"
        " and was stopped.",
        remedy="Give more with --memory-limit, with fewer --workers if need be, and"
        " --retry-failed.",
    )


def _death_error(attempts: int, how: str, step: str) -> NodulusError:
    return NodulusError(
        ErrorCode.WORKER_DIED,
        f"The worker ended with {how} in the step {step!r}, in each of {attempts} attempts.",
        remedy="Analyse the study alone with `nodulus detect`; signal 9 means most often that the"
        " machine was short of memory.",
    )
