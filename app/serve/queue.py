"""The studies that were received and what becomes of them, durable at every step.

A service that has a study in work holds a lease on it that it renews; when the service is killed
the lease runs out and another, or the next one, goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, get_args

import sqlalchemy as sa

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.database import Database
from nodulus.app.serve.queued_study import Analysed, QueuedStudy, Source, State
from nodulus.app.serve.tables import deliveries, studies, study_results


@dataclass(frozen=True)
class QueueTimes:
    """How long is waited for what, in seconds, and how often is tried.

    Args:
        lease_s: after which a study in work is free again, if it is not renewed.
        first_delay_s: before the second attempt; doubled at each further one.
        longest_delay_s: between two attempts.
        attempts: at a study; one that was cut short counts.
    """

    lease_s: float = 30.0
    first_delay_s: float = 10.0
    longest_delay_s: float = 3600.0
    attempts: int = 6

    def delay_s(self, attempts: int) -> float:
        """How long to wait after so many attempts."""
        return float(min(self.first_delay_s * 2 ** max(0, attempts - 1), self.longest_delay_s))


class Queue:
    """The queue.

    Args:
        database: that keeps it.
        owner: names this process.
        times: see `QueueTimes`.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        times: QueueTimes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._owner = owner
        self.times = times or QueueTimes()
        self._clock = clock

    def receive(
        self,
        study: str,
        study_uid: str | None,
        source: Source,
        images: int,
        *,
        quiet_s: float = 0.0,
        origin: str | None = None,
    ) -> None:
        """Put a study into the queue, or note that more of its images came.

        Args:
            study: its id.
            study_uid: StudyInstanceUID.
            source: how it came.
            images: files that there are of it now; without new ones, a study that is known stays as
                it is.
            quiet_s: how long more may come; 0 where it is complete.
            origin: its name there.
        """
        now = self._clock()
        state = "received" if quiet_s > 0 else "waiting"
        fresh: dict[str, Any] = {
            "state": state,
            "due": now + quiet_s,
            "changed": timestamp(),
            "attempts": 0,
            "more": False,
            "code": None,
            "message": None,
            "remedy": None,
            "images_removed": None,
        }
        with self.database.write() as connection:
            row = self._row(connection, study, lock=True)
            if row is None:
                connection.execute(
                    sa.insert(studies).values(
                        id=study, study_uid=study_uid, source=source, origin=origin,
                        received=timestamp(), images=images, owner=None, lease_until=0.0, **fresh,
                    )
                )  # fmt: skip
                return
            known = 0 if row["images_removed"] else row["images"]
            if images > known:
                values = fresh
                if row["state"] == "running":
                    values = {"more": True, "due": now + quiet_s}
            elif row["state"] == "received":
                values = {"state": state, "due": now + quiet_s}
            else:
                return
            connection.execute(
                sa.update(studies)
                .where(studies.c.id == study)
                .values(images=max(images, known), **values)
            )

    def take(self) -> QueuedStudy | None:
        """Lease the study that is next; None while none is due.

        One that was begun too often without an end, each time with the death of its service, fails.
        """
        now = self._clock()
        is_due = studies.c.state.in_(("received", "waiting")) & (studies.c.due <= now)
        is_left = (studies.c.state == "running") & (studies.c.lease_until < now)
        with self.database.write() as connection:
            query = (
                sa.select(studies)
                .where(is_due | is_left)
                .order_by(studies.c.received, studies.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            if row["attempts"] >= self.times.attempts:
                self._put(connection, row["id"], state="failed", **_given_up(row["attempts"]))
                return None
            values = {
                "state": "running",
                "owner": self._owner,
                "lease_until": now + self.times.lease_s,
                "attempts": row["attempts"] + 1,
                "more": False,
            }
            self._put(connection, row["id"], **values)
            return _study({**row, **values})

    def renew(self) -> None:
        """Keep the leases of this process."""
        with self.database.write() as connection:
            connection.execute(
                sa.update(studies)
                .where(studies.c.owner == self._owner, studies.c.state == "running")
                .values(lease_until=self._clock() + self.times.lease_s)
            )

    def release(self) -> None:
        """Give back what this process has in work; the attempt does not count."""
        with self.database.write() as connection:
            connection.execute(
                sa.update(studies)
                .where(studies.c.owner == self._owner, studies.c.state == "running")
                .values(
                    state="waiting", owner=None, due=self._clock(), attempts=studies.c.attempts - 1
                )
            )

    def finish(self, study: str, analysed: Analysed) -> State | None:
        """Put down what became of a study, and what is to be sent, in one transaction.

        Args:
            study: that this process has leased.
            analysed: what became of it.

        Returns:
            Its state now; None where the lease was lost and nothing was put down.
        """
        with self.database.write() as connection:
            row = self._row(connection, study, lock=True)
            if row is None or row["owner"] != self._owner or row["state"] != "running":
                return None
            state: State = analysed.state
            due = self._clock()
            if row["more"]:  # images came meanwhile: all of it anew
                state, due = "waiting", row["due"]
            elif state == "failed" and row["attempts"] < self.times.attempts:
                state, due = "waiting", due + self.times.delay_s(row["attempts"])
            error = analysed.error
            self._put(
                connection,
                study,
                state=state,
                owner=None,
                due=due,
                attempts=0 if row["more"] else row["attempts"],
                more=False,
                wall_s=analysed.wall_s,
                code=None if error is None else error.code.value,
                message=None if error is None else error.message,
                remedy=None if error is None else error.remedy,
                results_removed=None,
            )
            if state == "done":
                self._replace_results(connection, study, analysed)
            return state

    def _replace_results(self, connection: sa.Connection, study: str, done: Analysed) -> None:
        """What an earlier analysis left to be sent is no longer there."""
        connection.execute(sa.delete(study_results).where(study_results.c.study == study))
        connection.execute(
            sa.delete(deliveries).where(
                deliveries.c.study == study, deliveries.c.state == "waiting"
            )
        )
        for key, folder, findings in done.results:
            connection.execute(
                sa.insert(study_results).values(
                    study=study, key=key, folder=folder, findings=findings
                )
            )
        for destination, path, uid in done.objects:
            connection.execute(
                sa.insert(deliveries).values(
                    study=study, destination=destination, path=path, sop_instance_uid=uid,
                    state="waiting", attempts=0, due=self._clock(), problem=None,
                )
            )  # fmt: skip

    def retry(self, study: str) -> None:
        """Have a study that was refused or has failed tried again.

        Raises:
            NodulusError: ``study-not-found``, or ``request-refused``.
        """
        with self.database.write() as connection:
            row = self._row(connection, study, lock=True)
            if row is None:
                raise not_found()
            if row["state"] not in ("refused", "failed"):
                raise NodulusError(
                    ErrorCode.REQUEST_REFUSED,
                    f"The study is {row['state']}.",
                    remedy="Only studies that were refused or have failed are tried again.",
                )
            if row["images_removed"]:
                raise NodulusError(
                    ErrorCode.REQUEST_REFUSED,
                    "The study's images were removed.",
                    remedy="Send them again.",
                )
            self._put(connection, study, state="waiting", attempts=0, due=self._clock())

    def study(self, study: str) -> QueuedStudy:
        """Give one study.

        Raises:
            NodulusError: ``study-not-found``.
        """
        with self.database.read() as connection:
            row = self._row(connection, study)
            if row is None:
                raise not_found()
            return with_results(connection, [row])[0]

    def studies(
        self, states: Sequence[State] = (), limit: int = 100, offset: int = 0
    ) -> tuple[int, list[QueuedStudy]]:
        """Give how many there are, and a page of them, the newest first.

        Args:
            states: only these; empty for all.
            limit: at most so many.
            offset: how many are passed over.
        """
        where = studies.c.state.in_(states) if states else sa.true()
        with self.database.read() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(studies).where(where))
            rows = connection.execute(
                sa.select(studies)
                .where(where)
                .order_by(studies.c.received.desc(), studies.c.id)
                .limit(limit)
                .offset(offset)
            )
            return int(total or 0), with_results(connection, rows.mappings().all())

    def counts(self) -> dict[State, int]:
        """How many studies are in each state."""
        with self.database.read() as connection:
            rows = connection.execute(
                sa.select(studies.c.state, sa.func.count()).group_by(studies.c.state)
            )
            found = {str(state): int(count) for state, count in rows}
        return {state: found.get(state, 0) for state in get_args(State)}

    def study_of_result(self, folder: str) -> str | None:
        """Which study a result's folder belongs to."""
        with self.database.read() as connection:
            found = connection.scalar(
                sa.select(study_results.c.study).where(study_results.c.folder == folder)
            )
        return None if found is None else str(found)

    def uid_of(self, name: str) -> str:
        """Give a study's StudyInstanceUID by its id; what is none stays as it is."""
        with self.database.read() as connection:
            found = connection.scalar(sa.select(studies.c.study_uid).where(studies.c.id == name))
        return name if found is None else str(found)

    def _row(
        self, connection: sa.Connection, study: str, *, lock: bool = False
    ) -> sa.RowMapping | None:
        query = sa.select(studies).where(studies.c.id == study)
        query = query.with_for_update() if lock else query
        return connection.execute(query).mappings().first()

    def _put(self, connection: sa.Connection, study: str, **values: Any) -> None:
        connection.execute(
            sa.update(studies).where(studies.c.id == study).values(changed=timestamp(), **values)
        )


def with_results(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[QueuedStudy]:
    """Give the studies of rows of their table, with their results.

    Args:
        connection: to the database.
        rows: whole ones.
    """
    found: dict[str, list[tuple[str, str, int]]] = {}
    for row in connection.execute(
        sa.select(study_results)
        .where(study_results.c.study.in_([row["id"] for row in rows]))
        .order_by(study_results.c.key)
    ):
        found.setdefault(row.study, []).append((row.key, row.folder, row.findings))
    return [_study(row, tuple(found.get(row["id"], ()))) for row in rows]


def not_found() -> NodulusError:
    """What to raise where there is no such study."""
    return NodulusError(
        ErrorCode.STUDY_NOT_FOUND,
        "There is no such study here.",
        remedy="Ask for the list of studies.",
    )


def _study(row: Any, results: tuple[tuple[str, str, int], ...] = ()) -> QueuedStudy:
    names = set(QueuedStudy.__dataclass_fields__) - {"results"}
    return QueuedStudy(**{name: row[name] for name in names}, results=results)


def _given_up(attempts: int) -> dict[str, str | None]:
    return {
        "owner": None,
        "code": ErrorCode.WORKER_DIED.value,
        "message": f"The service ended during each of {attempts} attempts.",
        "remedy": "Analyse the study alone with `nodulus detect`; most often the machine is short"
        " of memory.",
    }


def timestamp() -> str:
    """The time as the tables keep it: ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
