"""A study of the queue that a workitem needs, or needs no more."""

from __future__ import annotations

import time

import sqlalchemy as sa

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.serve.queue import timestamp
from nodulus.app.serve.queued_study import Source
from nodulus.app.serve.tables import studies, workitems

UPS: Source = "ups"
"""Source of a study that was fetched for a workitem."""


def demand(connection: sa.Connection, study: str) -> None:
    """Have a study analysed, if it is not or its results were removed.

    Args:
        connection: with a transaction that writes.
        study: its id.

    Raises:
        NodulusError: ``images-not-found``: its images were removed.
    """
    query = sa.select(studies).where(studies.c.id == study).with_for_update()
    row = connection.execute(query).mappings().one()
    is_left = row["state"] == "done" and not row["results_removed"]
    if is_left or row["state"] in ("received", "waiting", "running"):
        return
    if row["images_removed"]:
        raise NodulusError(
            ErrorCode.IMAGES_NOT_FOUND,
            "The study's images were removed.",
            remedy="Send them again, then make a new workitem.",
        )
    _put(connection, study, state="waiting", attempts=0, due=time.time(), code=None,
         message=None, remedy=None)  # fmt: skip


def withdraw(connection: sa.Connection, study: str) -> None:
    """Leave out the analysis of a study that was fetched for workitems which all have ended.

    One that a worker has goes on.

    Args:
        connection: with a transaction that writes.
        study: its id.
    """
    query = sa.select(studies).where(studies.c.id == study).with_for_update()
    row = connection.execute(query).mappings().one()
    others = sa.select(sa.func.count()).where(
        workitems.c.study == study, workitems.c.state == "IN PROGRESS"
    )
    if row["source"] != UPS or row["state"] not in ("received", "waiting"):
        return
    if connection.scalar(others):
        return
    _put(connection, study, state="refused", code=ErrorCode.CANCELED.value,
         message="The analysis was canceled by who had asked for it.",
         remedy="Try it again where it is wanted after all.")  # fmt: skip


def _put(connection: sa.Connection, study: str, **values: object) -> None:
    connection.execute(
        sa.update(studies).where(studies.c.id == study).values(changed=timestamp(), **values)
    )
