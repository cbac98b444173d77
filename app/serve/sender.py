"""Results are sent on, each object once to each destination.

An object keeps its SOP Instance UID however often it is sent, so that a second one, after an answer
that was lost, is the same instance to who receives it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, get_args

import sqlalchemy as sa

from nodulus.app.errors import NodulusError
from nodulus.app.review.database import Database
from nodulus.app.serve.queue import QueueTimes
from nodulus.app.serve.tables import deliveries

logger = logging.getLogger("nodulus")

DeliveryState = Literal["waiting", "sent", "failed"]
ATTEMPTS = 20
_LOOK_EVERY_S = 1.0
_HELD_S = 60.0
"""How long one that is being sent is left alone by others."""


class DeliveryError(Exception):
    """An object was not taken; the text quotes nothing of it."""


class Destination(Protocol):
    """Takes objects."""

    def send(self, path: Path) -> None:
        """Send one; one that is there already counts as sent.

        Raises:
            DeliveryError: it was not taken.
        """


class Sender:
    """Sends what the queue has put down to be sent.

    Args:
        database: with the deliveries.
        results: the folder of results.
        destinations: by name.
        times: how long is waited after a failure.
    """

    def __init__(
        self,
        database: Database,
        results: Path,
        destinations: Mapping[str, Destination],
        times: QueueTimes,
    ) -> None:
        self._database = database
        self._results = results
        self._destinations = destinations
        self._times = times

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set."""
        while not stop.is_set():
            try:
                sent = self.send_next()
            except NodulusError as error:  # the database, for a while
                logger.warning("%s", error)
                sent = False
            if not sent:
                stop.wait(_LOOK_EVERY_S)

    def send_next(self) -> bool:
        """Send one object that is due; whether there was one."""
        row = self._take()
        if row is None:
            return False
        number, where, path = int(row["id"]), str(row["destination"]), str(row["path"])
        problem = None
        try:
            self._destinations[where].send(self._results / path)
        except DeliveryError as error:
            problem = str(error)
        except OSError as error:
            problem = f"the file cannot be read ({error.strerror})"
        if problem is None:
            self._put(number, state="sent", problem=None)
            return True
        attempts = int(row["attempts"]) + 1
        state = "failed" if attempts >= ATTEMPTS else "waiting"
        due = time.time() + self._times.delay_s(attempts)
        self._put(number, state=state, attempts=attempts, due=due, problem=problem)
        logger.warning("study %s: an object was not sent: %s", row["study"], problem)
        return True

    def counts(self) -> dict[str, int]:
        """How many objects are in each state."""
        return delivery_counts(self._database)

    def _take(self) -> sa.RowMapping | None:
        now = time.time()
        with self._database.write() as connection:
            query = (
                sa.select(deliveries)
                .where(
                    deliveries.c.state == "waiting",
                    deliveries.c.due <= now,
                    deliveries.c.destination.in_(list(self._destinations)),
                )
                .order_by(deliveries.c.due, deliveries.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = connection.execute(query).mappings().first()
            if row is not None:
                connection.execute(
                    sa.update(deliveries)
                    .where(deliveries.c.id == row["id"])
                    .values(due=now + _HELD_S)
                )
            return row

    def _put(self, number: int, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(deliveries).where(deliveries.c.id == number).values(**values)
            )


def delivery_counts(database: Database) -> dict[str, int]:
    """How many objects are in each state."""
    with database.read() as connection:
        rows = connection.execute(
            sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
        )
        found = {str(state): int(count) for state, count in rows}
    return {state: found.get(state, 0) for state in get_args(DeliveryState)}
