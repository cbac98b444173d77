"""Studies in, what becomes of them, and how the service fares."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult
from nodulus.app.results.same_study import stored_result
from nodulus.app.review.server.answers import Problem
from nodulus.app.review.server.caller import Asking
from nodulus.app.serve.answers import (
    HealthAnswer,
    QueueAnswer,
    QueuedAnswer,
    TakenAnswer,
    queued_answer,
)
from nodulus.app.serve.event_stream import EventStream
from nodulus.app.serve.events import Places
from nodulus.app.serve.queued_study import QueuedStudy, State
from nodulus.app.serve.service import Service

_ZIP_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


def queue_routes(service: Service) -> APIRouter:
    """Make the routes.

    Args:
        service: that takes studies.
    """
    router = APIRouter(tags=["queue"])

    def answer(study: QueuedStudy) -> QueuedAnswer:
        return queued_answer(study, service.step(study.id))

    @router.post(
        "/studies",
        status_code=202,
        openapi_extra=_ZIP_BODY,
        responses={status: {"model": Problem} for status in (400, 413, 415, 422)},
    )
    async def upload(request: Request) -> TakenAnswer:
        """Take the studies of a zip file; it is written to disk as it comes.

        They are in the queue, for good, when this answers. The same images sent again change
        nothing.
        """
        with service.intake.staging() as own:
            path = own / "upload.zip"
            with path.open("wb") as file:
                async for chunk in request.stream():
                    await run_in_threadpool(file.write, chunk)
            ids = await run_in_threadpool(_take, service, path)
        return TakenAnswer(studies=[answer(service.queue.study(study)) for study in ids])

    @router.get("/studies")
    def queue(
        status: Annotated[list[State] | None, Query(max_length=6)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> QueueAnswer:
        """The queue, the newest first; ``status`` may be repeated."""
        total, found = service.queue.studies(status or (), limit, offset)
        return QueueAnswer(
            total=total, counts=service.queue.counts(), studies=[answer(s) for s in found]
        )

    @router.get("/studies/{study}", responses=_NOT_FOUND)
    def status(study: str) -> QueuedAnswer:
        """What has become of a study."""
        return answer(service.queue.study(study))

    @router.get("/studies/{study}/findings", responses=_NOT_FOUND)
    def findings(study: str) -> list[StudyResult]:
        """findings.json of each result, as the chain left it."""
        found = service.queue.study(study)
        results = [stored_result(service.results / folder) for _, folder, _ in found.results]
        return [result for result in results if result is not None]

    @router.post("/studies/{study}/retry", responses={**_NOT_FOUND, 400: {"model": Problem}})
    def retry(study: str) -> QueuedAnswer:
        """Try a study again that was refused or has failed."""
        service.queue.retry(study)
        return answer(service.queue.study(study))

    places = Places()

    @router.get("/events", response_class=StreamingResponse, responses={429: {"model": Problem}})
    def events(
        request: Request,
        caller: Asking,
        last_event_id: Annotated[int | None, Header(ge=0)] = None,
    ) -> StreamingResponse:
        """What happens to studies, from now on or after an event, as server-sent events.

        The answer ends after five minutes; ask again with the last event's id. An account has eight
        at once.
        """
        start = service.events.newest if last_event_id is None else last_event_id
        return EventStream(service, request, start, places, caller.name)

    @router.get("/health", responses={503: {"model": Problem}})
    def health() -> HealthAnswer:
        """Whether the database answers and the service's parts run."""
        service.check()
        return HealthAnswer(status="ok", version=metadata.version("nodulus"))

    @router.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """For Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    return router


def _take(service: Service, path: Path) -> tuple[str, ...]:
    if not zipfile.is_zipfile(path):
        raise NodulusError(
            ErrorCode.ARCHIVE_NOT_READABLE,
            "The body is no zip file.",
            remedy="Send the images as one zip file, as application/zip.",
        )
    return service.intake.take_path(path, "zip")
