"""UPS-RS (PS3.18 11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydicom import Dataset
from starlette.concurrency import run_in_threadpool

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.dicomweb.base_address import base_address
from nodulus.app.review.dicomweb.dicom_json import DICOM_JSON
from nodulus.app.review.server.answers import Problem
from nodulus.app.review.server.application import DICOMWEB
from nodulus.app.review.server.caller import Asking
from nodulus.app.serve.audit_trail import STUDY_KEY
from nodulus.app.serve.workitems import refusals
from nodulus.app.serve.workitems.matching import parse_query
from nodulus.app.serve.workitems.payload import parse_payload
from nodulus.app.serve.workitems.refusals import Verdict, WorkitemRefusedError, unfit
from nodulus.app.serve.workitems.states import WorkitemState
from nodulus.app.serve.workitems.worklist import Worklist

WORKITEMS = f"{DICOMWEB}/workitems"
_STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {DICOM_JSON: {"schema": {"type": "object"}}},
    }
}
_OPTIONAL_BODY = {"requestBody": {**_BODY["requestBody"], "required": False}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 404, 409, 410, 413)
}
_NOT_ALLOWED: dict[int | str, dict[str, Any]] = {403: {"model": Problem}}
_FOR_UPDATE = ("transaction-uid", "transactionuid", "transaction")
_FOR_CREATE = ("affectedsopinstanceuid", "workitem")


def _ordering(caller: Asking) -> None:
    said = "neither makes workitems nor changes or cancels those of others"
    _check(caller.may_order, said, "system or admin")


def _performing(caller: Asking) -> None:
    _check(caller.may_perform, "performs no workitems", "reader, adjudicator or system")


def _check(is_allowed: bool, said: str, roles: str) -> None:
    if not is_allowed:
        remedy = f"Ask with an account of the role {roles}."
        raise NodulusError(ErrorCode.NOT_ALLOWED, f"This account {said}.", remedy=remedy)


def workitem_routes(worklist: Worklist) -> APIRouter:
    """Make the routes.

    Args:
        worklist: with the workitems.
    """
    router = APIRouter(tags=["UPS-RS"], responses=_PROBLEMS)
    route = _answering

    async def payload(request: Request) -> Dataset:
        kind = request.headers.get("content-type", "")
        return parse_payload(await request.body(), kind, worklist.settings)

    @router.post(
        WORKITEMS, status_code=201, response_class=Response, openapi_extra=_BODY,
        responses=_NOT_ALLOWED, dependencies=[Depends(_ordering)],
    )  # fmt: skip
    @route
    async def create(request: Request) -> Response:
        """UPS-RS: make a workitem; its UID is the query (``?1.2.3``), or its SOP Instance UID."""
        dataset = await payload(request)
        uid = _uid_in_query(request, _FOR_CREATE) or str(dataset.get("SOPInstanceUID") or "")
        is_modified = await run_in_threadpool(worklist.create, dataset, uid)
        _note_study(request, dataset)
        headers = {"Location": f"{base_address(request)}{WORKITEMS}/{uid}"}
        text = "The Workitem was created with modifications." if is_modified else ""
        return Response(status_code=201, headers={**headers, **_warning(request, text)})

    @router.get(
        WORKITEMS, response_class=Response,
        responses={204: {"description": "None matches"}, 206: {"description": "There are more"}},
    )  # fmt: skip
    @route
    async def search(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """UPS-RS: workitems, in the order in which they were made; attributes are matched."""
        wanted = parse_query(request.query_params.multi_items())
        found, is_more = await run_in_threadpool(worklist.search, wanted, limit, offset)
        if not found:
            return Response(status_code=204)
        text = "There are additional results that can be requested." if is_more else ""
        return JSONResponse(
            found,
            206 if is_more else 200,
            headers=_warning(request, text),
            media_type=DICOM_JSON,
        )

    @router.get(f"{WORKITEMS}/{{workitem}}", response_class=Response)
    @route
    async def retrieve(workitem: str, request: Request) -> Response:
        """UPS-RS: a workitem."""
        content = await run_in_threadpool(worklist.content, workitem)
        _note_study(request, Dataset.from_json(content))
        return JSONResponse([content], media_type=DICOM_JSON)

    @router.post(
        f"{WORKITEMS}/{{workitem}}", response_class=Response, openapi_extra=_BODY,
        responses=_NOT_ALLOWED,
    )  # fmt: skip
    @route
    async def update(workitem: str, request: Request, caller: Asking) -> Response:
        """UPS-RS: update a workitem; the query has the Transaction UID of one that is claimed."""
        changes = await payload(request)
        transaction = _uid_in_query(request, _FOR_UPDATE) or _transaction_uid(changes)
        _ordering(caller) if transaction is None else _performing(caller)
        await run_in_threadpool(worklist.update, workitem, changes, transaction)
        await _note_workitem(request, workitem)
        return Response(status_code=200)

    @router.put(
        f"{WORKITEMS}/{{workitem}}/state", response_class=Response, openapi_extra=_BODY,
        responses=_NOT_ALLOWED, dependencies=[Depends(_performing)],
    )  # fmt: skip
    @route
    async def change_state(workitem: str, request: Request) -> Response:
        """UPS-RS: claim a workitem (IN PROGRESS), or end one that was claimed."""
        asked = await payload(request)
        wanted = asked.get("ProcedureStepState")
        if wanted not in _STATES:
            raise unfit("There is no such Procedure Step State.", "See PS3.18 11.7.1.4.")
        verdict = await run_in_threadpool(
            worklist.change_state, workitem, cast("WorkitemState", wanted), _transaction_uid(asked)
        )
        await _note_workitem(request, workitem)
        return _done(request, verdict)

    @router.post(
        f"{WORKITEMS}/{{workitem}}/cancelrequest", status_code=202, response_class=Response,
        openapi_extra=_OPTIONAL_BODY, responses=_NOT_ALLOWED, dependencies=[Depends(_ordering)],
    )  # fmt: skip
    @route
    async def request_cancel(workitem: str, request: Request) -> Response:
        """UPS-RS: ask for a workitem to be canceled, with the reason."""
        asked = await payload(request) if await request.body() else Dataset()
        verdict = await run_in_threadpool(worklist.request_cancel, workitem, asked)
        await _note_workitem(request, workitem)
        return _done(request, verdict)

    async def _note_workitem(request: Request, uid: str) -> None:
        content = await run_in_threadpool(worklist.content, uid)
        _note_study(request, Dataset.from_json(content))

    subscribers = f"{WORKITEMS}/{{workitem}}/subscribers/{{aetitle}}"

    @router.post(subscribers, response_class=Response, responses=_NOT_ALLOWED)
    @router.delete(subscribers, response_class=Response, responses=_NOT_ALLOWED)
    @router.post(f"{subscribers}/suspend", response_class=Response, responses=_NOT_ALLOWED)
    @route
    async def subscribe(workitem: str, aetitle: str, request: Request) -> Response:
        """UPS-RS: there are no event reports; who wants to know retrieves or searches."""
        raise WorkitemRefusedError(refusals.NO_EVENTS)

    return router


_Route = Callable[..., Awaitable[Response]]


def _answering(handler: _Route) -> _Route:
    """Have a route answer refusals as PS3.18 11 says, with a Warning header."""

    @wraps(handler)
    async def answering(*args: Any, **kwargs: Any) -> Response:
        try:
            return await handler(*args, **kwargs)
        except WorkitemRefusedError as error:
            return _refused(kwargs["request"], error.verdict)

    return answering


def _refused(request: Request, verdict: Verdict) -> Response:
    message = verdict.warning or "It was refused."
    if verdict.dimse:
        message += f" (status {verdict.dimse:04X})"
    content = {"code": verdict.code.value, "message": message, "remedy": verdict.remedy}
    return JSONResponse(content, verdict.status, headers=_warning(request, verdict.warning))


def _done(request: Request, verdict: Verdict) -> Response:
    return Response(status_code=verdict.status, headers=_warning(request, verdict.warning))


def _warning(request: Request, text: str) -> dict[str, str]:
    return {"Warning": f"299 {base_address(request)}{DICOMWEB}: {text}"} if text else {}


def _uid_in_query(request: Request, names: Sequence[str]) -> str | None:
    """A UID that is the query, as PS3.18 has it, or the value of a parameter, in any case."""
    for name, value in request.query_params.multi_items():
        is_parameter = name.lower() in names
        if is_parameter and value:
            return value
        if not value and not is_parameter:
            return name
    return None


def _transaction_uid(dataset: Dataset) -> str | None:
    return str(dataset.get("TransactionUID") or "") or None


def _note_study(request: Request, dataset: Dataset) -> None:
    """For the audit log."""
    study = str(dataset.get("StudyInstanceUID") or "")
    if study:
        request.scope[STUDY_KEY] = study
