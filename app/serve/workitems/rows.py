"""Workitems as rows of the database."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from pydicom import Dataset
from pydicom.valuerep import DT

from nodulus.app.serve.tables import workitems
from nodulus.app.serve.workitems import refusals
from nodulus.app.serve.workitems.payload import to_content
from nodulus.app.serve.workitems.refusals import WorkitemRefusedError
from nodulus.app.serve.workitems.settings import WorkitemSettings

DELETED = "DELETED"
"""State of a row whose workitem is gone."""
_PRIORITIES = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}


def locked_row(connection: sa.Connection, uid: str) -> sa.RowMapping:
    """Give a workitem's row, held until the transaction ends.

    Raises:
        WorkitemRefusedError: there is none, or it was deleted.
    """
    query = sa.select(workitems).where(workitems.c.uid == uid).with_for_update()
    return there(connection.execute(query).mappings().first())


def there(row: sa.RowMapping | None) -> sa.RowMapping:
    """Make sure that there is a workitem.

    Raises:
        WorkitemRefusedError: there is none, or it was deleted.
    """
    if row is None:
        raise WorkitemRefusedError(refusals.NOT_FOUND)
    if row["state"] == DELETED:
        raise WorkitemRefusedError(refusals.GONE)
    return row


def read_dataset(row: sa.RowMapping) -> Dataset:
    """Give a workitem's data set."""
    return Dataset.from_json(json.loads(row["dataset"]))


def derived(dataset: Dataset, settings: WorkitemSettings) -> dict[str, Any]:
    """Give the columns that follow from a data set.

    Args:
        dataset: of the workitem.
        settings: what is performed here.
    """
    return {
        "state": str(dataset.ProcedureStepState),
        "dataset": json.dumps(to_content(dataset)),
        "study_uid": str(dataset.get("StudyInstanceUID") or "") or None,
        "is_for_us": _is_for_us(dataset, settings),
        "priority": _PRIORITIES[dataset.ScheduledProcedureStepPriority],
        "changed": time.time(),
    }


def put(
    connection: sa.Connection,
    uid: str,
    dataset: Dataset,
    settings: WorkitemSettings,
    **values: Any,
) -> None:
    """Write a workitem whose row is held.

    Args:
        connection: with the transaction.
        uid: of the workitem.
        dataset: its whole data set.
        settings: what is performed here.
        values: further columns.
    """
    connection.execute(
        sa.update(workitems)
        .where(workitems.c.uid == uid)
        .values(**{**derived(dataset, settings), **values})
    )


def start_time(dataset: Dataset) -> float:
    """When a workitem is to be begun, seconds since 1970; now where it cannot be told."""
    try:
        start = DT(str(dataset.ScheduledProcedureStepStartDateTime))
        if isinstance(start, datetime):
            # Without an offset it is the local time of the server (PS3.5 6.2, DT).
            return start.timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    return datetime.now(timezone.utc).timestamp()


def _is_for_us(dataset: Dataset, settings: WorkitemSettings) -> bool:
    codes = dataset.get("ScheduledWorkitemCodeSequence") or ()
    stations = dataset.get("ScheduledStationNameCodeSequence") or ()
    return (
        dataset.InputReadinessState == "READY"
        and any(known.is_item(code) for known in settings.performed for code in codes)
        and (not stations or any(settings.station.is_item(station) for station in stations))
    )
