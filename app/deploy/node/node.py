"""The node's loop: new studies in, one after the other, results out."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import requests

from nodulus.app.deploy.node.analysis import Analyser, Stopped, may_pass
from nodulus.app.deploy.node.orthanc import CtStudy, Orthanc
from nodulus.app.deploy.node.state import NodeState, Waiting
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.run import explained

logger = logging.getLogger("nodulus")

DONE, GIVEN_UP = "done", "given-up"
PAUSE_S = 60.0
"""Before a study is tried again during which the connection was lost: it may be the cause."""

_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(eq=False)
class Node:
    """Watches one Orthanc.

    Args:
        orthanc: that receives the CT.
        analyser: of its studies.
        send_to: modalities of Orthanc's configuration that get the results too.
        poll_s: seconds between two looks at Orthanc.
        stop: set to end the node.
        clock: seconds since 1970.
    """

    orthanc: Orthanc
    analyser: Analyser
    send_to: Sequence[str]
    poll_s: float
    stop: threading.Event
    clock: Callable[[], float] = time.time

    def run(self, *, once: bool = False) -> None:
        """Work until `stop` is set.

        Args:
            once: end when nothing is left that can be done now.

        Raises:
            NodulusError: ``settings-invalid`` when Orthanc does not let the node in or knows no
                such modality, or the state cannot be read; ``input-not-readable`` when Orthanc
                does not answer, and ``once``.
        """
        state = NodeState.load(self.analyser.folder)
        self.analyser.clean()
        silent, is_checked = False, not self.send_to
        while not self.stop.is_set():
            try:
                if not is_checked:
                    self._check_modalities()
                    is_checked = True
                is_idle = not self._step(state)
                if silent:
                    logger.info("Orthanc answers again")
                silent = False
            except Stopped:
                break
            except (requests.ConnectionError, requests.Timeout) as error:
                if once:
                    raise self._silence(error) from error
                if not silent:
                    logger.warning("Orthanc does not answer at %s; waiting", self.orthanc.url)
                silent = is_idle = True
            except requests.HTTPError as error:
                self._let_in(error)
                if once:
                    raise self._silence(error) from error
                logger.warning("Orthanc answers with status %s; waiting", _status(error))
                is_idle = True
            if is_idle:
                if once:
                    break
                self.stop.wait(self.poll_s)
        logger.info("stopped; studies that wait: %d", len(state.waiting))

    def _check_modalities(self) -> None:
        """Ask for the modalities before anything is analysed, not when results are sent."""
        known = self.orthanc.modalities()
        unknown = [name for name in self.send_to if name not in known]
        if unknown:
            raise NodulusError(
                ErrorCode.SETTINGS_INVALID,
                f"Orthanc knows no modality {', '.join(unknown)}.",
                remedy=f"Name one of its DicomModalities ({', '.join(sorted(known)) or 'none'}), "
                "or add it there.",
                subject=self.orthanc.url,
            )

    def _step(self, state: NodeState) -> bool:
        """Look for new studies, and do one; False where there was none to do."""
        self._look(state)
        study = state.next_due(self.clock())
        if study is None:
            return False
        if self._handle(study, state):
            del state.waiting[study]
        state.save(self.analyser.folder)
        return True

    def _look(self, state: NodeState) -> None:
        newest = self.orthanc.newest_change()
        if newest < state.last_change:
            logger.warning("Orthanc's changes begin anew; looking at every study once")
            state.last_change = 0
        is_last = newest == state.last_change
        while not is_last:
            studies, last, is_last = self.orthanc.stable_studies(state.last_change)
            for study in studies:
                state.waiting[study] = Waiting()
            state.last_change = max(last, state.last_change)
            state.save(self.analyser.folder)

    def _handle(self, study_id: str, state: NodeState) -> bool:
        """Do one study; False when it has to wait."""
        study = None
        try:
            study = self.orthanc.ct_study(study_id)
            if study is None or not study.instances:
                return True
            if self.orthanc.mark(study_id).startswith(study.fingerprint):
                return True
            outcome = self._outcome(study)
            self._close(study_id, study, outcome)
        except requests.ConnectionError:
            state.waiting[study_id].due = self.clock() + PAUSE_S
            raise
        except Exception as error:  # one study must not stop the others
            if isinstance(error, requests.HTTPError):
                self._let_in(error)
            return self._failed(study_id, study, state, error)
        return True

    def _outcome(self, study: CtStudy) -> str:
        """Analyse and deliver; give a word for the mark."""
        logger.info("study %s: CT images: %d", study.uid, len(study.instances))
        try:
            self._deliver(study)
        except NodulusError as error:
            if may_pass(error):
                raise
            logger.error("study %s: not analysed: %s", study.uid, error)
            self._deliver_note(study)
            return error.code.value
        missing = self.analyser.missing(study)
        if missing is not None:
            logger.error("study %s: delivered without some results: %s", study.uid, missing)
        return missing or DONE

    def _close(self, study_id: str, study: CtStudy, outcome: str) -> None:
        self.orthanc.set_mark(study_id, f"{study.fingerprint} {outcome}")
        self.analyser.forget(study)

    def _deliver(self, study: CtStudy) -> None:
        """Analyse a study where that is still to be done, and send the results."""
        stored = self._send(self.analyser.results(study))
        logger.info("study %s: objects delivered: %d", study.uid, stored)

    def _deliver_note(self, study: CtStudy) -> None:
        """Send the note that a study could not be analysed, where there is one."""
        note = self.analyser.note(study)
        if note is not None:
            self._send([note])
            logger.info("study %s: failure note delivered", study.uid)

    def _send(self, files: Sequence[Path]) -> int:
        """Put files into Orthanc, and send them on; give their number."""
        stored = [self.orthanc.store(file) for file in files]
        for modality in self.send_to if stored else ():
            self.orthanc.send(modality, stored)
        return len(stored)

    def _failed(
        self, study_id: str, study: CtStudy | None, state: NodeState, error: Exception
    ) -> bool:
        """Count a failure; True when there is no further attempt."""
        name = study_id if study is None else study.uid
        goes_on = state.postpone(study_id, self.clock())
        end = "trying again later" if goes_on else "given up"
        logger.error("study %s: %s; %s", name, _told(error, name), end)
        if goes_on:
            return False
        if study is not None:
            with contextlib.suppress(requests.HTTPError):
                self._deliver_note(study)
            with contextlib.suppress(requests.HTTPError):
                self._close(study_id, study, GIVEN_UP)
        return True

    def _silence(self, error: requests.RequestException) -> NodulusError:
        return NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"Orthanc does not answer ({type(error).__name__}).",
            remedy="Check its address and that it runs.",
            subject=self.orthanc.url,
        )

    def _let_in(self, error: requests.HTTPError) -> None:
        if _status(error) in _LET_IN:
            raise NodulusError(
                ErrorCode.SETTINGS_INVALID,
                f"Orthanc does not let the node in (status {_status(error)}).",
                remedy="Set NODULUS_ORTHANC_USER and NODULUS_ORTHANC_PASSWORD to one of its"
                " RegisteredUsers.",
                subject=self.orthanc.url,
            ) from error


def _status(error: requests.HTTPError) -> int | None:
    return None if error.response is None else error.response.status_code


def _told(error: Exception, name: str) -> str:
    """An error without what Orthanc said in it, which may quote the study."""
    if isinstance(error, requests.HTTPError):
        return f"Orthanc answered with status {_status(error)}"
    if isinstance(error, requests.RequestException):
        return f"Orthanc's answer broke off ({type(error).__name__})"
    return str(explained(error, name))
