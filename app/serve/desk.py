"""The review's desk on the service's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.review.desk import Desk
from nodulus.app.review.images import ImageReader
from nodulus.app.review.reading_rule import ReadingRule
from nodulus.app.review.result_folders import ComingStudy, FailedStudy
from nodulus.app.review.store import Store
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import COMING, QueuedStudy, State
from nodulus.app.serve.removals import Removals

_MOST_FAILED = 1000
_MOST_COMING = 200


class ServiceDesk(Desk):
    """Studies of the queue that are done, and those that are not.

    Args:
        results: the folder of results.
        queue: of the studies.
        store: of all decisions.
        images_of: gives the folder of a study's files by its id.
        reader: reads the CTs.
        models: loads the three networks; called when an entry first needs them.
        settings: of the chain.
        step_of: gives the step that the analysis of a study is at; empty for none.
        two_readers: as in `Desk`; so is the next.
        rule: how alike two readings are the same.
    """

    def __init__(
        self,
        results: Path,
        queue: Queue,
        store: Store,
        images_of: Callable[[str], Path],
        reader: ImageReader,
        models: Callable[[], Models],
        settings: ChainSettings,
        *,
        step_of: Callable[[str], str],
        two_readers: bool = False,
        rule: ReadingRule | None = None,
    ) -> None:
        self._queue = queue
        self._images_of = images_of
        self._step_of = step_of
        super().__init__(
            [results], lambda _folder: store, reader, models, settings, two_readers=two_readers,
            rule=rule,
        )  # fmt: skip

    def recorded_images(self, folder: Path) -> Path | None:
        """Where the files of a result's study are."""
        study = self._queue.study_of_result(folder.name)
        return None if study is None else self._images_of(study)

    def images_removed(self) -> Mapping[str, str]:
        """When the images of studies were removed, by the folder of their result."""
        return Removals(self._queue).images()

    def failed(self) -> list[FailedStudy]:
        """Studies that were refused or have failed."""
        _, found = self._queue.studies(("refused", "failed"), limit=_MOST_FAILED)
        return [
            FailedStudy(
                s.id,
                s.code or "",
                s.message or "",
                s.remedy or "",
                s.received,
                may_be_retried=s.images_removed is None,
            )
            for s in found
            if not s.results
        ]

    def on_their_way(self) -> int:
        """Studies that are received, wait for a worker or are being analysed."""
        counts = self._queue.counts()
        return sum(counts[state] for state in COMING)

    def coming(self) -> list[ComingStudy]:
        """These studies, those in work and the newest first."""
        found: list[QueuedStudy] = []
        orders: tuple[tuple[State, ...], ...] = (("running",), ("waiting", "received"))
        for states in orders:
            found += self._queue.studies(states, limit=_MOST_COMING)[1]
        return [
            ComingStudy(s.id, s.state == "running", self._step_of(s.id), s.received)
            for s in found[:_MOST_COMING]
        ]
