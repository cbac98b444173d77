"""Puts each request about a study into the audit log before it is answered."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nodulus.app.errors import NodulusError
from nodulus.app.review.server.caller import SCOPE_KEY, Caller
from nodulus.app.review.server.problem_answers import problem
from nodulus.app.serve.audit import AuditEvent, AuditLog

AGAIN_S = 300.0
"""A study that is looked at again sooner is the same look: its pictures come one by one."""

STRANGERS_S = 300.0
MOST_OF_STRANGERS = 100
"""Refusals of strangers that are put down of one address in `STRANGERS_S`; the last one says so."""

STUDY_KEY = "nodulus.study"
"""In the scope of a request: the StudyInstanceUID that its answer is about, as its route found."""

_STUDY = re.compile(r"/(?:api/|dicom-web/)?studies/([^/]+)(/.*)?")
_LISTS = ("/studies", "/api/studies", "/dicom-web/studies")
_WORKITEMS = re.compile(r"/dicom-web/workitems(/.*)?")
_MOST = 10_000


class AuditTrail:
    """ASGI middleware; stands outside of the guard, so that what it refuses is seen too.

    Args:
        app: what answers.
        log: gets the entries.
        uid_of: gives a study's StudyInstanceUID by what its address calls it.
        clock: seconds, of any origin.
    """

    def __init__(
        self,
        app: ASGIApp,
        log: AuditLog,
        uid_of: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._log = log
        self._uid_of = uid_of
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._strangers: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; where the log cannot be written, with an error."""
        is_refused = False

        async def logged(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                try:
                    await run_in_threadpool(self._note, scope, int(message["status"]))
                except NodulusError as error:
                    is_refused = True
                    answer = problem(error.code, error.message, error.remedy, 503)
                    await answer(scope, receive, send)
            if not is_refused:
                await send(message)

        await self._app(scope, receive, logged if scope["type"] == "http" else send)

    def _note(self, scope: Scope, status: int) -> None:
        event, name = _event(scope["method"], scope["path"], status)
        if event is None:
            return
        name = name or scope.get(STUDY_KEY)
        caller: Caller | None = scope.get(SCOPE_KEY)
        who = "" if caller is None else caller.name
        address = (scope.get("client") or ("",))[0]
        if event.endswith("viewed") and self._is_again((who, event, name or "")):
            return
        detail = f"{scope['method']} {scope['path']} {status}"
        if event == "refused" and not who:
            number = self._refusals(address)
            if number > MOST_OF_STRANGERS:
                return
            if number == MOST_OF_STRANGERS:
                detail = "more of this address are not put down for a while"
        self._log.write(
            event,
            who,
            address,
            study=None if name is None else self._uid_of(name),
            detail=detail,
            success=status < 400,
        )

    def _refusals(self, address: str) -> int:
        """How many strangers of an address have been refused lately, this one included."""
        now = self._clock()
        began, number = self._strangers.get(address, (now, 0))
        if now - began >= STRANGERS_S:
            began, number = now, 0
        self._strangers[address] = began, number + 1
        self._strangers.move_to_end(address)
        while len(self._strangers) > _MOST:
            self._strangers.popitem(last=False)
        return number + 1

    def _is_again(self, look: tuple[str, str, str]) -> bool:
        now = self._clock()
        before = self._seen.get(look)
        if before is not None and now - before < AGAIN_S:
            return True
        self._seen[look] = now
        self._seen.move_to_end(look)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)
        return False


def _event(method: str, path: str, status: int) -> tuple[AuditEvent | None, str | None]:
    """What a request is in the log, and which study it is about; None for nothing."""
    found = _STUDY.fullmatch(path)
    name = None if found is None else found[1]
    if status in (401, 403) and path != "/api/login":
        return "refused", name
    if found is None:
        return _event_of_no_study(method, path, status), None
    if status == 404:
        return None, None
    if method == "POST":
        is_upload = path.startswith("/dicom-web/")
        return ("studies-received" if is_upload else "study-changed"), name
    is_export = "/exports/" in (found[2] or "")
    return ("study-exported" if is_export else "study-viewed"), name


def _event_of_no_study(method: str, path: str, status: int) -> AuditEvent | None:
    of_workitem = _WORKITEMS.fullmatch(path)
    if of_workitem is None:
        if path not in _LISTS:
            return None
        return "studies-received" if method == "POST" else "list-viewed"
    if status == 404:
        return None
    if method == "GET":
        return "workitem-viewed" if of_workitem[1] else "list-viewed"
    return "workitem-changed" if of_workitem[1] else "workitem-created"
