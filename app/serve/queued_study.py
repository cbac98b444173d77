"""A study of the queue and what became of it.

A study is ``received`` while images may still come, ``waiting`` until a worker is free, ``running``
while one has it, and then ``done``, ``refused`` (the input is to blame) or ``failed`` (it is not,
and a number of attempts was in vain).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodulus.app.errors import NodulusError

State = Literal["received", "waiting", "running", "done", "refused", "failed"]
Source = Literal["zip", "stow", "folder", "orthanc", "ups"]
COMING: tuple[State, ...] = ("received", "waiting", "running")
ENDED: tuple[State, ...] = ("done", "refused", "failed")


@dataclass(frozen=True)
class QueuedStudy:
    """A study of the queue.

    Args:
        id: tells nothing of the patient.
        study_uid: StudyInstanceUID; None for research formats.
        state: see the module.
        source: how it came in.
        origin: its name there.
        received: ISO 8601, UTC; so is ``changed``.
        images: how many files.
        attempts: that have begun.
        code: of the last error, as are ``message`` and ``remedy``.
        wall_s: seconds that the analysis took.
        images_removed: when its images were, as the service keeps them for so long; None while they
            are there.
        results_removed: likewise.
        results: key, folder and number of findings of each result.
    """

    id: str
    study_uid: str | None
    state: State
    source: Source
    origin: str | None
    received: str
    changed: str
    images: int
    attempts: int
    code: str | None
    message: str | None
    remedy: str | None
    wall_s: float | None
    images_removed: str | None = None
    results_removed: str | None = None
    results: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Analysed:
    """What became of a study.

    Args:
        state: done, refused or failed.
        error: why, if it is not done; or what is missing from it.
        results: key, folder and number of findings of each result.
        objects: destination, path and SOPInstanceUID of what is to be sent on.
        wall_s: seconds that it took.
    """

    state: Literal["done", "refused", "failed"]
    error: NodulusError | None = None
    results: tuple[tuple[str, str, int], ...] = ()
    objects: tuple[tuple[str, str, str], ...] = ()
    wall_s: float = 0.0
