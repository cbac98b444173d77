"""The workitems that the service has claimed, durable at every step.

A step is taken by one process at a time: whoever takes it holds the workitem for a while, so that
one that is killed leaves it to the next. What a step finds it writes only while the workitem is IN
PROGRESS, so that one which was canceled meanwhile stays so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from pydicom import Dataset
from pydicom.uid import generate_uid

from nodulus.app.serve.demand import demand
from nodulus.app.serve.tables import workitems
from nodulus.app.serve.workitems.reports import note_begin
from nodulus.app.serve.workitems.rows import put, read_dataset
from nodulus.app.serve.workitems.worklist import Worklist

_US = "nodulus"


@dataclass(frozen=True)
class Claimed:
    """A workitem that the service performs.

    Args:
        uid: of it.
        dataset: as it was when it was taken.
        study: id of the study in the queue that it waits for; None while its images are not here.
        attempts: to fetch them, that have failed.
        created: seconds since 1970.
    """

    uid: str
    dataset: Dataset
    study: str | None
    attempts: int
    created: float


class Claims:
    """Claims workitems and keeps what becomes of them.

    Args:
        worklist: with the workitems.
        held_s: how long a workitem in work is left alone by other processes.
    """

    def __init__(self, worklist: Worklist, held_s: float) -> None:
        self._worklist = worklist
        self._held_s = held_s
        self._database = worklist.database
        self._settings = worklist.settings
        self._clock = worklist.clock

    def claim(self) -> str | None:
        """Claim the workitem that is next: by priority, then by time; None while there is none."""
        with self._database.write() as connection:
            busy = connection.scalar(
                sa.select(sa.func.count()).where(
                    workitems.c.performer == _US, workitems.c.state == "IN PROGRESS",
                    workitems.c.study.is_not(None),
                )
            )  # fmt: skip
            if int(busy or 0) >= self._settings.claimed_at_once:
                return None
            is_next = (
                (workitems.c.state == "SCHEDULED")
                & workitems.c.is_for_us
                & (workitems.c.due <= self._clock())
            )
            order = (workitems.c.priority, workitems.c.due, workitems.c.number)
            row = _first(connection, sa.select(workitems).where(is_next).order_by(*order))
            if row is None:
                return None
            dataset = read_dataset(row)
            note_begin(dataset, self._settings)
            put(
                connection, row["uid"], dataset, self._settings, performer=_US, attempts=0,
                due=0.0,  # before all that were looked at
                transaction_uid=generate_uid(entropy_srcs=[secrets.token_hex(16)]),
            )  # fmt: skip
            return str(row["uid"])

    def take(self) -> Claimed | None:
        """Hold the claimed workitem that is to be looked at next; None while none is."""
        now = self._clock()
        with self._database.write() as connection:
            is_due = (
                (workitems.c.state == "IN PROGRESS")
                & (workitems.c.performer == _US)
                & (workitems.c.due <= now)
            )
            order = (workitems.c.due, workitems.c.number)
            row = _first(connection, sa.select(workitems).where(is_due).order_by(*order))
            if row is None:
                return None
            self._set(connection, row["uid"], due=now + self._held_s)
            return Claimed(
                row["uid"], read_dataset(row), row["study"], row["attempts"], row["created"]
            )

    def hold(self, uid: str) -> bool:
        """Hold on to a workitem; whether it still is to be performed."""
        with self._database.write() as connection:
            held = connection.execute(
                sa.update(workitems)
                .where(workitems.c.uid == uid, workitems.c.state == "IN PROGRESS")
                .values(due=self._clock() + self._held_s)
            )
            return int(held.rowcount) > 0

    def attach(self, uid: str, study: str) -> None:
        """Put down which study a workitem waits for, and have that analysed.

        Args:
            uid: of the workitem.
            study: id of one in the queue.

        Raises:
            NodulusError: ``images-not-found``.
        """
        with self._database.write() as connection:
            if self._locked(connection, uid) is not None:
                demand(connection, study)
                self._set(connection, uid, study=study, attempts=0, due=self._clock())

    def note(
        self,
        uid: str,
        change: Callable[[Dataset], object],
        *,
        after_s: float,
        attempts: int | None = None,
    ) -> None:
        """Write what has become of a workitem, unless it has ended meanwhile.

        Args:
            uid: of it.
            change: changes its data set; False where it did not.
            after_s: seconds until it is to be looked at again.
            attempts: that have failed.
        """
        with self._database.write() as connection:
            row = self._locked(connection, uid)
            if row is None:
                return
            dataset = read_dataset(row)
            values: dict[str, float | int] = {"due": self._clock() + after_s}
            if attempts is not None:
                values["attempts"] = attempts
            if change(dataset) is False:
                self._set(connection, uid, **values)
            else:
                put(connection, uid, dataset, self._settings, **values)

    def _locked(self, connection: sa.Connection, uid: str) -> sa.RowMapping | None:
        query = sa.select(workitems).where(
            workitems.c.uid == uid, workitems.c.state == "IN PROGRESS"
        )
        return connection.execute(query.with_for_update()).mappings().first()

    def _set(self, connection: sa.Connection, uid: str, **values: object) -> None:
        connection.execute(sa.update(workitems).where(workitems.c.uid == uid).values(**values))


def _first(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> sa.RowMapping | None:
    found = query.limit(1).with_for_update(skip_locked=True)
    return connection.execute(found).mappings().first()
