"""Performs workitems: their images are fetched, the queue analyses them, and they follow it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.serve.audit import SERVICE, AuditLog
from nodulus.app.serve.demand import UPS
from nodulus.app.serve.intake import Intake, instance_name, read_identity, study_id
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import QueuedStudy
from nodulus.app.serve.workitems.claims import Claimed, Claims
from nodulus.app.serve.workitems.image_source import ImageSource
from nodulus.app.serve.workitems.inputs import Inputs, inputs_of
from nodulus.app.serve.workitems.reports import (
    note_completed,
    note_failed,
    note_progress,
    outputs_of,
)
from nodulus.app.serve.workitems.worklist import Worklist

logger = logging.getLogger("nodulus")

LOOK_EVERY_S = 1.0
_HOLDS = 6
"""Times that a workitem is held anew while it is held."""
_TIDY_EVERY_S = 600.0
_DAY_S = 86_400.0


@dataclass(frozen=True)
class KeptWorkitems:
    """How long workitems are kept.

    Args:
        days: after their last change; None for as long as the service's folder is.
        unended: whether that holds for those too that nobody has performed to their end.
    """

    days: float | None = None
    unended: bool = False


class Performer:
    """Performs the workitems that are for the service.

    Args:
        worklist: with the workitems.
        queue: analyses studies.
        intake: takes images.
        results: the folder of results.
        step: gives what the analysis of a study is at.
        sources: servers that images may be fetched from.
        base: address of the service's DICOMweb server, for the outputs.
        look_every_s: seconds between two looks at a workitem.
        keeping: how long workitems are kept; None for ever.
        log: gets an entry for each that is removed.
    """

    def __init__(
        self,
        worklist: Worklist,
        queue: Queue,
        intake: Intake,
        results: Path,
        step: Callable[[str], str],
        sources: Sequence[ImageSource],
        base: str,
        log: AuditLog,
        look_every_s: float = LOOK_EVERY_S,
        keeping: KeptWorkitems | None = None,
    ) -> None:
        self._worklist = worklist
        self._claims = Claims(worklist, queue.times.lease_s)
        self._queue = queue
        self._intake = intake
        self._results = results
        self._step = step
        self._sources = sources
        self._base = base
        self._look_every_s = look_every_s
        self._keeping = keeping or KeptWorkitems()
        self._log = log
        self._settings = worklist.settings

    def run(self, stop: threading.Event) -> None:
        """Perform until ``stop`` is set."""
        tidied = -_TIDY_EVERY_S
        while not stop.is_set():
            try:
                if time.monotonic() - tidied > _TIDY_EVERY_S:
                    self.tidy()
                    tidied = time.monotonic()
                is_busy = self.claim_next()
                is_busy |= self.perform_next(stop)
            except NodulusError as error:  # the database or the disk, for a while
                logger.warning("%s", error)
                is_busy = False
            if not is_busy:
                stop.wait(min(self._look_every_s, 0.5))

    def claim_next(self) -> bool:
        """Claim the workitem that is next; whether there was one."""
        return self._claims.claim() is not None

    def perform_next(self, stop: threading.Event | None = None) -> bool:
        """Take the next step of a claimed workitem; whether there was one.

        Args:
            stop: ends it early; the step is taken again later.
        """
        claimed = self._claims.take()
        if claimed is None:
            return False
        try:
            if claimed.study is None:
                self._begin(claimed, stop or threading.Event())
            else:
                self._follow(claimed, self._queue.study(claimed.study))
        except NodulusError as error:
            if error.code in (ErrorCode.STORE_NOT_USABLE, ErrorCode.OUTPUT_NOT_WRITABLE):
                raise
            self._fail(claimed, error)
        return True

    def tidy(self) -> None:
        """Remove workitems that are old enough."""
        if self._keeping.days is None:
            return
        before = self._worklist.clock() - self._keeping.days * _DAY_S
        while removed := self._worklist.remove(before, unended=self._keeping.unended):
            for study in removed:
                self._log.write("workitem-removed", SERVICE, "", study=study)

    def _begin(self, claimed: Claimed, stop: threading.Event) -> None:
        """See that the images are here, and have them analysed."""
        inputs = inputs_of(claimed.dataset)
        if self._is_here(inputs):
            self._attach(claimed, inputs)
            return
        urls = self._urls(inputs)
        if not urls:
            self._wait(claimed)
            return
        self._note(claimed, 0, "fetching the images")
        try:
            is_whole = self._fetch(claimed, inputs, urls, stop)
        except NodulusError as error:
            self._try_again(claimed, error)
            return
        if not is_whole:  # it was canceled, or the service ends
            self._claims.note(claimed.uid, lambda _: False, after_s=0)
        elif self._is_here(inputs, is_fetched=True):
            self._attach(claimed, inputs)
        else:
            self._try_again(
                claimed,
                NodulusError(
                    ErrorCode.IMAGES_NOT_FOUND,
                    "The source does not have all images that the workitem names.",
                    remedy="Check its Input Information Sequence, and what the source has.",
                ),
            )

    def _is_here(self, inputs: Inputs, *, is_fetched: bool = False) -> bool:
        """Whether the images that are asked for are here, or what was made of them."""
        study = study_id(inputs.study_uid)
        known = self._known(study)
        if known is not None and known.images_removed and not is_fetched:
            return known.state == "done" and not known.results_removed
        folder = self._intake.folder(study)
        named = [folder / instance_name(uid) for uid in inputs.instance_uids]
        if named:
            return all(path.is_file() for path in named)
        return known is not None or is_fetched

    def _known(self, study: str) -> QueuedStudy | None:
        try:
            return self._queue.study(study)
        except NodulusError as error:
            if error.code is not ErrorCode.STUDY_NOT_FOUND:
                raise
            return None

    def _attach(self, claimed: Claimed, inputs: Inputs) -> None:
        study = study_id(inputs.study_uid)
        known = self._known(study)
        folder = self._intake.folder(study)
        images = sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
        if known is None or images > (0 if known.images_removed else known.images):
            self._intake.received(inputs.study_uid, UPS, complete=True)
        self._claims.attach(claimed.uid, study)
        logger.info("workitem: study %s is asked for", study)

    def _urls(self, inputs: Inputs) -> list[tuple[ImageSource, str]]:
        """Where the images can be fetched: what the workitem names, else the first source."""
        named = [url for part in inputs.parts for url in part.urls]
        found = []
        for url in dict.fromkeys(named):
            source = next((source for source in self._sources if source.has(url)), None)
            if source is None:
                raise NodulusError(
                    ErrorCode.WORKITEM_REFUSED,
                    "Its images lie where the service may not fetch them.",
                    remedy="Have that server named with --ups-source, or send the images first.",
                )
            found.append((source, url))
        if not named and self._sources:
            first = self._sources[0]
            found = [(first, f"{first.url}/{path}") for path in inputs.paths()]
        return found

    def _fetch(
        self,
        claimed: Claimed,
        inputs: Inputs,
        urls: Sequence[tuple[ImageSource, str]],
        stop: threading.Event,
    ) -> bool:
        """Fetch the images of the study; False where it was ended early."""
        held, is_ours = 0.0, True

        def go_on() -> bool:
            nonlocal held, is_ours
            if time.monotonic() - held > self._queue.times.lease_s / _HOLDS:
                held, is_ours = time.monotonic(), self._claims.hold(claimed.uid)
            return is_ours and not stop.is_set()

        for number, (source, url) in enumerate(urls, 1):
            with self._intake.staging() as own:
                files = source.fetch(url, own, go_on)
                if not files:
                    return False
                for file in files:
                    identity = read_identity(file)
                    if identity is not None and identity.study_uid == inputs.study_uid:
                        self._intake.take_instance(file, identity)
                if self._intake.folder(study_id(inputs.study_uid)).is_dir():
                    is_last = number == len(urls)
                    self._intake.received(inputs.study_uid, UPS, complete=is_last)
        return True

    def _wait(self, claimed: Claimed) -> None:
        """The images may still come by another way."""
        waited = self._worklist.clock() - claimed.created
        if waited < self._settings.wait_for_images_s:
            self._note(claimed, 0, "waiting for the images")
            return
        self._fail(
            claimed,
            NodulusError(
                ErrorCode.IMAGES_NOT_FOUND,
                f"Its images have not come within {self._settings.wait_for_images_s:.0f} s.",
                remedy="Send them first, or name where they can be fetched by WADO-RS.",
            ),
        )

    def _try_again(self, claimed: Claimed, error: NodulusError) -> None:
        attempts = claimed.attempts + 1
        times = self._queue.times
        if error.code is not ErrorCode.SOURCE_NOT_REACHABLE or attempts >= times.attempts:
            self._fail(claimed, error)
            return
        logger.warning("workitem: %s", error)
        self._claims.note(
            claimed.uid,
            lambda dataset: note_progress(dataset, 0, "fetching the images again later"),
            after_s=times.delay_s(attempts),
            attempts=attempts,
        )

    def _follow(self, claimed: Claimed, study: QueuedStudy) -> None:
        """Put down what the queue has made of the study."""
        if study.state == "done" and not study.results_removed:
            self._complete(claimed, study)
        elif study.state in ("refused", "failed"):
            self._fail(claimed, _error_of(study))
        elif study.state == "done":  # removed while it waited
            self._claims.attach(claimed.uid, study.id)
        elif study.state == "running":
            step = self._step(study.id)
            percent = self._settings.progress_percent.get(step)  # of others nobody has measured it
            self._note(claimed, percent, f"analysis: {step}" if step else "analysis")
        else:
            self._note(claimed, 0, "waiting for a worker")

    def _complete(self, claimed: Claimed, study: QueuedStudy) -> None:
        outputs = outputs_of([self._results / name for _, name, _ in study.results], self._base)
        count = sum(findings for *_, findings in study.results)
        comment = None if study.code is None else f"[{study.code}] {study.message} {study.remedy}"
        self._claims.note(
            claimed.uid,
            lambda dataset: note_completed(dataset, outputs, f"findings: {count}", comment),
            after_s=0,
        )
        logger.info("workitem: study %s is done", study.id)

    def _note(self, claimed: Claimed, percent: float | None, description: str) -> None:
        def change(dataset: Dataset) -> bool:
            return note_progress(dataset, percent, description)

        self._claims.note(claimed.uid, change, after_s=self._look_every_s)

    def _fail(self, claimed: Claimed, error: NodulusError) -> None:
        logger.warning("workitem: canceled, %s", error.code.value)
        self._claims.note(claimed.uid, lambda dataset: note_failed(dataset, error), after_s=0)


def _error_of(study: QueuedStudy) -> NodulusError:
    return NodulusError(
        ErrorCode(study.code or ErrorCode.INTERNAL.value),
        study.message or "",
        remedy=study.remedy or "",
    )
