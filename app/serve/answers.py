"""What the service answers, typed; OpenAPI describes it from here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from nodulus.app.review.server.answers import Problem
from nodulus.app.serve.queued_study import QueuedStudy, Source, State


class ResultAnswer(BaseModel):
    """A result of a study; most have one."""

    key: str = Field(description="Names it in the review: /api/studies/{key}")
    findings: int


class QueuedAnswer(BaseModel):
    """A study of the queue."""

    id: str
    study_uid: str | None = Field(description="None for research formats")
    state: State
    step: str = Field(description="Of the analysis, while it is running")
    source: Source
    received: str
    changed: str
    images: int
    attempts: int
    seconds: float | None
    images_removed: str | None = Field(description="When; null while they are kept")
    results_removed: str | None = Field(description="When; null while they are kept")
    results: list[ResultAnswer]
    error: Problem | None = Field(description="The last one")


class QueueAnswer(BaseModel):
    """A page of the queue."""

    total: int
    counts: dict[State, int]
    studies: list[QueuedAnswer]


class TakenAnswer(BaseModel):
    """Studies that were taken in."""

    studies: list[QueuedAnswer]


class HealthAnswer(BaseModel):
    """Whether the service works."""

    status: Literal["ok"]
    version: str


def queued_answer(study: QueuedStudy, step: str = "") -> QueuedAnswer:
    """Give a study of the queue as it is sent.

    Args:
        study: of the queue.
        step: of its analysis.
    """
    error = None
    if study.code is not None:
        error = Problem(code=study.code, message=study.message or "", remedy=study.remedy or "")
    return QueuedAnswer(
        id=study.id,
        study_uid=study.study_uid,
        state=study.state,
        step=step if study.state == "running" else "",
        source=study.source,
        received=study.received,
        changed=study.changed,
        images=study.images,
        attempts=study.attempts,
        seconds=study.wall_s,
        images_removed=study.images_removed,
        results_removed=study.results_removed,
        results=[ResultAnswer(key=folder, findings=count) for _, folder, count in study.results],
        error=error,
    )
