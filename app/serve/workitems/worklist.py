"""The worklist (PS3.18 11): workitems are made, found, updated, claimed and ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from pydicom import Dataset

from nodulus.app.review.database import Database
from nodulus.app.serve.demand import withdraw
from nodulus.app.serve.tables import workitems
from nodulus.app.serve.workitems import refusals, states
from nodulus.app.serve.workitems.attributes import (
    apply_changes,
    is_ready_for,
    make_new,
    note_end,
    now_text,
)
from nodulus.app.serve.workitems.matching import Query, matches
from nodulus.app.serve.workitems.refusals import Verdict, WorkitemRefusedError
from nodulus.app.serve.workitems.reports import note_cancel
from nodulus.app.serve.workitems.rows import (
    DELETED,
    derived,
    locked_row,
    put,
    read_dataset,
    start_time,
    there,
)
from nodulus.app.serve.workitems.settings import WorkitemSettings
from nodulus.app.serve.workitems.states import WorkitemState

_AT_ONCE = 200


class Worklist:
    """The workitems.

    Args:
        database: that keeps them.
        settings: what is performed here.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        settings: WorkitemSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock

    def create(self, dataset: Dataset, uid: str) -> bool:
        """Make a workitem; it is there, for good, when this returns.

        Args:
            dataset: of it.
            uid: its SOP Instance UID.

        Returns:
            Whether something was put in that its sender had to send.

        Raises:
            WorkitemRefusedError: it does not hold, or there is one of this UID.
        """
        is_modified = make_new(dataset, uid, self.settings)
        now = self.clock()
        try:
            with self.database.write() as connection:
                connection.execute(
                    sa.insert(workitems).values(
                        uid=uid, attempts=0, due=start_time(dataset), created=now,
                        **derived(dataset, self.settings),
                    )
                )  # fmt: skip
        except sa.exc.IntegrityError as error:
            raise WorkitemRefusedError(refusals.EXISTS) from error
        return is_modified

    def content(self, uid: str) -> dict[str, Any]:
        """Give a workitem as DICOM JSON.

        Raises:
            WorkitemRefusedError: there is none.
        """
        query = sa.select(workitems).where(workitems.c.uid == uid)
        with self.database.read() as connection:
            row = there(connection.execute(query).mappings().first())
        content: dict[str, Any] = json.loads(row["dataset"])
        return content

    def search(self, wanted: Query, limit: int, offset: int) -> tuple[list[dict[str, Any]], bool]:
        """Give workitems that match, in the order in which they were made.

        Args:
            wanted: attributes and what they must match.
            limit: at most so many.
            offset: how many are passed over.

        Returns:
            Them as DICOM JSON, and whether there are more.
        """
        found: list[dict[str, Any]] = []
        for content in self._all(wanted.simple):
            if not matches(content, wanted):
                continue
            if offset > 0:
                offset -= 1
            elif len(found) < limit:
                found.append(content)
            else:
                return found, True
        return found, False

    def _all(self, simple: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Read workitems a few at a time; the database itself matches what it has columns of."""
        query = sa.select(workitems.c.number, workitems.c.dataset).where(
            workitems.c.state != DELETED,
            *(workitems.c[column] == value for column, value in simple.items()),
        )
        last = 0
        while True:
            with self.database.read() as connection:
                page = query.where(workitems.c.number > last).order_by(workitems.c.number)
                rows = connection.execute(page.limit(_AT_ONCE)).all()
            for number, text in rows:
                last = number
                yield json.loads(text)
            if len(rows) < _AT_ONCE:
                return

    def update(self, uid: str, changes: Dataset, transaction_uid: str | None) -> None:
        """Update a workitem.

        Args:
            uid: of it.
            changes: in the place of its attributes.
            transaction_uid: with which it was claimed; None for one that nobody has.

        Raises:
            WorkitemRefusedError: it cannot be done.
        """
        with self.database.write() as connection:
            row = locked_row(connection, uid)
            verdict = states.update(row["state"], row["transaction_uid"], transaction_uid)
            if not verdict.is_done:
                raise WorkitemRefusedError(verdict)
            dataset = read_dataset(row)
            apply_changes(dataset, changes)
            values = {"due": start_time(dataset)} if row["state"] == "SCHEDULED" else {}
            put(connection, uid, dataset, self.settings, **values)

    def change_state(self, uid: str, wanted: WorkitemState, transaction_uid: str | None) -> Verdict:
        """Claim a workitem, or end one that was claimed.

        Args:
            uid: of it.
            wanted: the state.
            transaction_uid: that it gets with IN PROGRESS, and that it has afterwards.

        Raises:
            WorkitemRefusedError: it cannot be done.
        """
        with self.database.write() as connection:
            row = locked_row(connection, uid)
            dataset = read_dataset(row)
            verdict = states.change_of_state(
                row["state"], wanted, row["transaction_uid"], transaction_uid,
                ready=is_ready_for(dataset, wanted),
            )  # fmt: skip
            if not verdict.is_done:
                raise WorkitemRefusedError(verdict)
            if row["state"] != wanted:
                note_end(dataset, wanted)
                dataset.ProcedureStepState = wanted
                dataset.ScheduledProcedureStepModificationDateTime = now_text()
                put(
                    connection, uid, dataset, self.settings,
                    transaction_uid=transaction_uid or row["transaction_uid"],
                )  # fmt: skip
        return verdict

    def request_cancel(self, uid: str, request: Dataset) -> Verdict:
        """Cancel a workitem, for somebody who has not claimed it.

        One that nobody has claimed, or the service, is canceled at once; a study that only it
        asked for and that no worker has yet is then not analysed.

        Args:
            uid: of it.
            request: the reason, if it has one (PS3.4 Table CC.2.2-1).

        Raises:
            WorkitemRefusedError: it cannot be done.
        """
        with self.database.write() as connection:
            row = locked_row(connection, uid)
            is_ours = row["performer"] is not None
            verdict = states.cancel_request(row["state"], is_ours=is_ours)
            if not verdict.is_done:
                raise WorkitemRefusedError(verdict)
            if row["state"] not in states.FINAL:
                dataset = read_dataset(row)
                note_cancel(dataset, request)
                put(connection, uid, dataset, self.settings)
                if row["study"] is not None:
                    withdraw(connection, row["study"])
        return verdict

    def counts(self) -> dict[str, int]:
        """How many workitems are in each state."""
        with self.database.read() as connection:
            rows = connection.execute(
                sa.select(workitems.c.state, sa.func.count()).group_by(workitems.c.state)
            )
            return {str(state): int(count) for state, count in rows if state != DELETED}

    def remove(self, before: float, *, unended: bool) -> list[str | None]:
        """Remove workitems, with all that they say of patients; their UIDs stay.

        Those that the service performs, or will, are left to their end.

        Args:
            before: seconds since 1970: those that have not changed since.
            unended: whether those go too that somebody else has not performed, and whose time has
                come by then.

        Returns:
            The StudyInstanceUID of each; of many some at a time, of none an empty list.
        """
        is_others = (
            (workitems.c.state == "SCHEDULED") & sa.not_(workitems.c.is_for_us)
            & (workitems.c.due <= before)
        ) | ((workitems.c.state == "IN PROGRESS") & workitems.c.performer.is_(None))  # fmt: skip
        is_over = workitems.c.state.in_(states.FINAL)
        due = is_over | is_others if unended else is_over
        query = sa.select(workitems.c.number, workitems.c.study_uid).where(
            due, workitems.c.changed <= before
        )
        query = query.limit(_AT_ONCE)
        with self.database.write() as connection:
            rows = connection.execute(query.with_for_update()).all()
            connection.execute(
                sa.update(workitems)
                .where(workitems.c.number.in_([row.number for row in rows]))
                .values(
                    state=DELETED, dataset="", study_uid=None, transaction_uid=None, study=None
                )
            )  # fmt: skip
        if rows:
            self.database.forget()
        return [row.study_uid for row in rows]
