"""Server-sent events (HTML Living Standard 9.2): who listens gets them for a while."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import anyio
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from nodulus.app.errors import ErrorCode
from nodulus.app.review.server.problem_answers import problem
from nodulus.app.serve.events import Places
from nodulus.app.serve.service import Service

LONGEST_S = 300.0
"""Of one answer. Who listens asks again, and is asked again who they are."""
STUCK_S = 10.0
"""After that an answer ends that nobody reads."""
_LOOK_EVERY_S = 0.25
_COMMENT_EVERY_S = 15.0
_AGAIN_MS = 1000


class EventStream(StreamingResponse):
    """The events of a service from a number on.

    Args:
        service: whose.
        request: that is answered.
        number: of the last event that who asks has.
        places: for those who listen.
        name: of who asks.
        longest_s: see `LONGEST_S`.
        stuck_s: see `STUCK_S`.
    """

    def __init__(
        self,
        service: Service,
        request: Request,
        number: int,
        places: Places,
        name: str,
        longest_s: float = LONGEST_S,
        stuck_s: float = STUCK_S,
    ) -> None:
        super().__init__(_told(service, request, number, longest_s), media_type="text/event-stream")
        self._places = places
        self._name = name
        self._most_s = longest_s + stuck_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; with an error where all places are taken."""
        with self._places.taken_by(self._name) as is_free:
            if not is_free:
                remedy = "End other requests for events, or ask for /studies now and then."
                code = ErrorCode.TOO_MANY_REQUESTS
                await problem(code, "Too many listen.", remedy, 429)(scope, receive, send)
                return
            with anyio.move_on_after(self._most_s):
                await super().__call__(scope, receive, send)


async def _told(
    service: Service, request: Request, number: int, longest_s: float
) -> AsyncIterator[str]:
    until = time.monotonic() + longest_s
    quiet_s = 0.0
    if number > service.events.newest:  # it counted in a service that has ended
        number = 0
    yield f": nodulus\nretry: {_AGAIN_MS}\n\n"
    while (
        time.monotonic() < until and not service.is_stopping and not await request.is_disconnected()
    ):
        found = service.events.since(number)
        for event in found:
            number = event.number
            data = {"study": event.study, "state": event.state, "step": event.step}
            yield f"id: {number}\nevent: study\ndata: {json.dumps(data)}\n\n"
        quiet_s = 0.0 if found else quiet_s + _LOOK_EVERY_S
        if quiet_s >= _COMMENT_EVERY_S:  # so that a proxy does not close it
            quiet_s = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(_LOOK_EVERY_S)
