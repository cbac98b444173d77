"""A stand-in for the chain, which does to its worker what an item's name says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodulus.app.cohort.items import CohortItem, path_item
from nodulus.app.cohort.ledger import Ledger, Outcome
from nodulus.app.cohort.supervisor import Limits, NewWorker, Supervisor
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.telemetry.watcher import Watcher


def item(name: str) -> CohortItem:
    """An item of that name; its studies are the name's parts between commas."""
    return path_item(Path("/cohort") / name, name)


_FAILURES = {
    "full": ErrorCode.OUTPUT_NOT_WRITABLE,
    "away": ErrorCode.MODEL_SERVICE_NOT_REACHABLE,
}
"""By how a key begins."""


class StandInRunner:
    """Analyses nothing; each study is done, but those that are told otherwise."""

    def __init__(self, marks: Path) -> None:
        self._marks = marks

    def run(
        self,
        item: CohortItem,
        claim: Callable[[str, Sequence[str]], list[str]],
        tell: Callable[[str, str], None],
        put: Callable[[Outcome], None],
    ) -> list[NodulusError]:
        """See `ItemRunner.run`."""
        for key in claim(item.id, item.given.split(",")):
            tell(key, "segment")
            with (self._marks / key).open("a") as stream:
                stream.write("began\n")
            self._suffer(key)
            put(self._outcome(item, key))
        return []

    def _suffer(self, key: str) -> None:
        if key.startswith("hang"):
            time.sleep(600)
        elif key.startswith("die-once"):
            if (self._marks / key).read_text().count("began") == 1:
                os.kill(os.getpid(), 9)
        elif key.startswith("die"):
            os._exit(3)
        elif key.startswith("fat"):
            held = bytearray(400 * 2**20)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(600)
        elif key.startswith("slow"):
            time.sleep(0.3)

    def _outcome(self, item: CohortItem, key: str) -> Outcome:
        for start, code in _FAILURES.items():
            if key.startswith(start):
                return Outcome(item.id, key, "failed", code=code.value, message="no", remedy="wait")
        return Outcome(item.id, key, "done", folder=key, findings=0, wall_s=0.1, cpu_s=0.1)


@dataclass(frozen=True)
class StandInOptions:
    """Starts a `StandInRunner`."""

    marks: Path
    threads: int = 1

    def start(self) -> StandInRunner:
        """Make it."""
        return StandInRunner(self.marks)


@dataclass(frozen=True)
class Unable:
    """Cannot start."""

    threads: int = 1
    dies: bool = False

    def start(self) -> StandInRunner:
        """Fail as one does whose models are missing, or whose memory is short."""
        if self.dies:
            os._exit(9)
        raise NodulusError(ErrorCode.MODEL_NOT_FOUND, "no model.", remedy="Give one.")


def supervise(
    marks: Path,
    names: Sequence[str],
    limits: Limits,
    *,
    workers: int = 2,
    options: Any = None,
    new_worker: NewWorker | None = None,
    watcher: Watcher | None = None,
) -> tuple[Ledger, list[Outcome | None]]:
    """Run items of these names; the ledger beside the marks, and what was told."""
    items = [item(name) for name in names]
    ledger = Ledger(marks.parent / "state" / "ledger.sqlite")
    ledger.begin(items)
    told: list[Outcome | None] = []
    is_open = ledger.open_items()
    options = options or StandInOptions(marks)
    supervisor = Supervisor(options, ledger, workers, limits, told.append, new_worker, watcher)
    supervisor.run([one for one in items if one.id in is_open])
    return ledger, told


def by_key(ledger: Ledger) -> dict[str, Outcome]:
    """The outcomes by the key of their study."""
    return {outcome.key: outcome for outcome in ledger.outcomes()}
