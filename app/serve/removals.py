"""What was removed of the queue's studies, and what may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import sqlalchemy as sa

from nodulus.app.review.database import beside_readers
from nodulus.app.serve.queue import Queue, timestamp, with_results
from nodulus.app.serve.queued_study import ENDED, QueuedStudy
from nodulus.app.serve.tables import deliveries, studies, study_results

Removable = Literal["images", "results"]


class Removals:
    """Puts down what is removed, in the tables of the queue.

    Args:
        queue: of the studies.
    """

    def __init__(self, queue: Queue) -> None:
        self._database = queue.database

    def due(self, what: Removable, before: str) -> list[str]:
        """Give the studies that have ended, with all sent, and have something to remove.

        Args:
            what: images or results.
            before: ISO 8601, UTC: those that ended until then.

        Returns:
            Their ids, the oldest first.
        """
        query = sa.select(studies.c.id).where(_is_due(what, before))
        with self._database.read() as connection:
            return list(connection.scalars(query.order_by(studies.c.changed)))

    def remove(
        self, what: Removable, study: str, before: str, put_away: Callable[[QueuedStudy], bool]
    ) -> bool:
        """Put down that something of a study is removed, if it still may be.

        Args:
            what: images or results.
            study: its id.
            before: as for `due`.
            put_away: moves it away, within the transaction; False where it may not.

        Returns:
            Whether it was.
        """
        query = sa.select(studies).where(studies.c.id == study, _is_due(what, before))
        with self._database.write() as connection:
            beside_readers(connection, alone=True)
            row = connection.execute(query.with_for_update()).mappings().first()
            if row is None or not put_away(with_results(connection, [row])[0]):
                return False
            removed = {f"{what}_removed": timestamp()}
            connection.execute(sa.update(studies).where(studies.c.id == study).values(removed))
            return True

    def images(self) -> dict[str, str]:
        """When images were removed, by the folder of the result; of those that are not there."""
        query = sa.select(study_results.c.folder, studies.c.images_removed).where(
            study_results.c.study == studies.c.id, studies.c.images_removed.is_not(None)
        )
        with self._database.read() as connection:
            return {str(folder): str(at) for folder, at in connection.execute(query)}


def _is_due(what: Removable, before: str) -> sa.ColumnElement[bool]:
    unsent = sa.exists().where(deliveries.c.study == studies.c.id, deliveries.c.state != "sent")
    column = studies.c.images_removed if what == "images" else studies.c.results_removed
    return sa.and_(
        studies.c.state.in_(ENDED), studies.c.changed <= before, column.is_(None), ~unsent
    )
