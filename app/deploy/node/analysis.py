"""One study of an Orthanc: fetched, taken through the chain, its results kept until delivered."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.deploy.node.orthanc import CtStudy, Orthanc
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ClinicalFile
from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.output import SUMMARY, OutputFolder
from nodulus.app.reading import find_studies
from nodulus.app.results.failure_note import NO_STUDY
from nodulus.app.results.options import OutputOptions
from nodulus.app.run import StudyOutcome, run_all
from nodulus.app.telemetry.study_clock import StudyClock
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End, Watcher

logger = logging.getLogger("nodulus")

RESULTS = "results"
NOTES = "notes"
_IMAGES = "images-"
_MAY_PASS = (ErrorCode.INTERNAL, ErrorCode.OUTPUT_NOT_WRITABLE)
"""Errors that have to do with this machine, and not with the study."""


class Stopped(BaseException):
    """The node was asked to end; no ``Exception``, so that nobody takes it for a failure."""


@dataclass(frozen=True, eq=False)
class Analyser:
    """Takes studies through the chain.

    Args:
        orthanc: holds them.
        folder: the node's own; images are there while a study is analysed, results until they
            are delivered.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: which objects are made.
        check: called often; raises `Stopped` when the node is to end.
        clinical: what is known of the patients beside the headers.
        others: candidates of other tools.
        watcher: is told what the analysis is at.
    """

    orthanc: Orthanc
    folder: Path
    models: Models
    settings: ChainSettings
    options: OutputOptions
    check: Callable[[], None]
    clinical: ClinicalFile | None = None
    others: OtherCandidates = OWN_CANDIDATES
    watcher: Watcher = field(default_factory=Watcher)

    def results(self, study: CtStudy) -> tuple[Path, ...]:
        """The DICOM objects about a study, made now or, if so, before.

        Raises:
            NodulusError: the study cannot be analysed.
            requests.RequestException: Orthanc does not give its images.
        """
        folder = self._folder(study)
        failed = self._noted_error(study)
        if failed is not None and not may_pass(failed):
            raise failed
        if not (folder / SUMMARY).is_file():
            self._analyse(study, folder)
        return tuple(sorted(folder.rglob("*.dcm")))

    def note(self, study: CtStudy) -> Path | None:
        """The note that a study could not be analysed, where one was made."""
        path = self._note(study)
        return path if path.is_file() else None

    def missing(self, study: CtStudy) -> str | None:
        """The code of the error for which some of a study's results are missing, else None."""
        content = json.loads((self._folder(study) / SUMMARY).read_text(encoding="utf-8"))
        return next((str(s["error"]["code"]) for s in content["studies"] if s["error"]), None)

    def clean(self) -> None:
        """Remove images that a node which was killed left behind."""
        for left in self.folder.glob(f"{_IMAGES}*"):
            shutil.rmtree(left, ignore_errors=True)

    def forget(self, study: CtStudy) -> None:
        """Remove what is kept of a study."""
        shutil.rmtree(self._folder(study), ignore_errors=True)
        self._remove_note(study)

    def _remove_note(self, study: CtStudy) -> None:
        for path in (self._note(study), self._note(study).with_suffix(".json")):
            path.unlink(missing_ok=True)

    def _noted_error(self, study: CtStudy) -> NodulusError | None:
        """Why a study could not be analysed whose note is still to be delivered."""
        try:
            kept = json.loads(self._note(study).with_suffix(".json").read_text(encoding="utf-8"))
            return NodulusError(ErrorCode(kept["code"]), kept["message"], remedy=kept["remedy"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _note(self, study: CtStudy) -> Path:
        return self.folder / NOTES / f"{study.fingerprint}.dcm"

    def _folder(self, study: CtStudy) -> Path:
        return self.folder / RESULTS / study.fingerprint

    def _analyse(self, study: CtStudy, folder: Path) -> None:
        self._remove_note(study)  # of an earlier attempt
        clock = StudyClock(self.watcher, str(os.getpid()))
        clock.begin(study.fingerprint, time.time())

        def step(key: str, name: str) -> None:
            self.check()
            clock.step(key, name, time.time())

        def finished(outcome: StudyOutcome) -> None:
            clock.outcome(outcome.study.key, _end(outcome), time.time())

        try:
            self._analyse_watched(study, folder, step, finished)
        except BaseException as error:
            code = error.code.value if isinstance(error, NodulusError) else None
            clock.cut(End(code=code), time.time(), again=code is None)
            raise
        clock.end(time.time())

    def _analyse_watched(
        self,
        study: CtStudy,
        folder: Path,
        step: Callable[[str, str], None],
        finished: Callable[[StudyOutcome], None],
    ) -> None:
        step(ITEM_ITSELF, "fetch")
        with TemporaryDirectory(prefix=_IMAGES, dir=self.folder) as name:
            images = Path(name)
            for number, instance in enumerate(study.instances):
                self.check()
                self.orthanc.download(instance, images / f"{number:06d}.dcm")
            step(ITEM_ITSELF, "look")
            discovery = find_studies(images)
            for problem in discovery.problems:
                logger.warning("study %s: %s", study.uid, problem)
            outcomes = run_all(
                discovery,
                OutputFolder(folder),
                self.models,
                self.settings,
                self.options,
                clinical=self.clinical,
                others=self.others,
                progress=lambda one, name, _done, _total: step(one.key, name),
                finished=finished,
            )
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        errors += discovery.problems if not outcomes else ()
        if errors and not any(outcome.result for outcome in outcomes):
            self._forget_but_for_the_note(study, outcomes, errors[0])
            raise errors[0]
        for error in errors:
            logger.error("study %s: %s", study.uid, error)
        for outcome in outcomes:
            if outcome.result is not None:
                count = len(outcome.result.findings)
                logger.info("study %s: analysed, findings: %d", study.uid, count)

    def _forget_but_for_the_note(
        self, study: CtStudy, outcomes: Sequence[StudyOutcome], error: NodulusError
    ) -> None:
        """Keep the note until it is delivered, and why: the analysis is not to be repeated."""
        notes = [outcome.note for outcome in outcomes if outcome.note is not None]
        contents = [note.path.read_bytes() for note in notes if note.path is not None]
        self.forget(study)
        if len(contents) == 1:
            path = self._note(study)
            path.parent.mkdir(exist_ok=True)
            why = {"code": error.code.value, "message": error.message, "remedy": error.remedy}
            for place, content in (
                (path, contents[0]),
                (path.with_suffix(".json"), json.dumps(why).encode()),
            ):
                part = place.with_name(f"{place.name}.part")
                part.write_bytes(content)
                part.replace(place)
        elif self.options.failure_note:
            reason = notes[0].left_out if notes else NO_STUDY
            logger.warning("study %s: no failure note: %s", study.uid, reason)


def _end(outcome: StudyOutcome) -> End:
    """What logs and traces are told of a study."""
    if outcome.result is None:
        status = "failed" if outcome.error is None or may_pass(outcome.error) else "refused"
    else:
        status = "done" if outcome.error is None else "failed"
    return End(
        status,
        None if outcome.error is None else outcome.error.code.value,
        None if outcome.result is None else len(outcome.result.findings),
    )


def may_pass(error: NodulusError) -> bool:
    """Whether another attempt may do better with the same images."""
    return error.code in _MAY_PASS
