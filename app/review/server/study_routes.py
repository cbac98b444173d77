"""The work list, a study's state, its log, and new entries."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse

from nodulus.app.errors import ErrorCode
from nodulus.app.review.desk import Desk, DeskStudy, StudyConflictError
from nodulus.app.review.double_reading import View
from nodulus.app.review.result_folders import ComingStudy, FailedStudy
from nodulus.app.review.server.answers import (
    ConflictAnswer,
    EntryAnswer,
    ListStatus,
    Problem,
    SessionAnswer,
    StudyAnswer,
    StudyList,
    StudyRow,
)
from nodulus.app.review.server.caller import Asking
from nodulus.app.review.server.guidance_answer import GuidanceAnswer, guidance_answer
from nodulus.app.review.server.requests import EntryRequest
from nodulus.app.review.server.study_answers import entry_answer, study_answer, study_row
from nodulus.app.review.server.viewer_build import ViewerBuild, study_in_viewer

SORTED_BY = (
    "key", "status", "findings", "to_decide", "highest_malignancy", "expected_errors",
    "study_date", "received", "reader", "warnings",
)  # fmt: skip
"""Fields of the work list; ``expected_errors``, falling, puts first what would teach most."""
_SORT = f"^-?({'|'.join(SORTED_BY)})$"
_STATUS_ORDER = (
    "failed", "new", "to-adjudicate", "in-progress", "first-reads", "read", "signed-off",
    "running", "waiting",
)  # fmt: skip


def study_address(key: str) -> str:
    """Give the address of a study in the application."""
    return f"/api/studies/{quote(key, safe='')}"


def study_routes(desk: Desk, viewer: ViewerBuild | None = None) -> APIRouter:
    """Make the routes.

    Args:
        desk: with the studies.
        viewer: that opens studies too.
    """
    router = APIRouter(prefix="/api", tags=["studies"])

    def answer(study: DeskStudy, view: View) -> StudyAnswer:
        has_images, base = desk.has_images(study), study_address(study.key)
        uid = study.result.study_uid
        address = None
        if viewer is not None and has_images and uid is not None:
            address = study_in_viewer(uid)
        removed = desk.images_removed().get(study.source.folder.name)
        return study_answer(
            study,
            view,
            has_images=has_images,
            images_removed=removed,
            base=base,
            viewer=address,
        )

    @router.get("/session")
    def session(caller: Asking) -> SessionAnswer:
        """Who reads, and the token that changes must carry."""
        return SessionAnswer(
            reader=caller.name, role=caller.role, csrf=caller.csrf, signed_in=caller.signed_in
        )

    @router.get("/studies")
    def studies(
        caller: Asking,
        sort: Annotated[str, Query(pattern=_SORT)] = "-highest_malignancy",
        status: ListStatus | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> StudyList:
        """The work list, by a field, from the largest on where ``-`` is before its name.

        What has no value comes last, by status.
        """
        desk.refresh()
        removed = desk.images_removed()
        rows = [
            study_row(
                study,
                view,
                has_images=desk.has_images(study),
                images_removed=removed.get(study.source.folder.name),
            )
            for study, view in desk.views(caller.reading)
        ]
        rows += [_failed_row(study) for study in desk.failed()]
        rows += [_coming_row(study) for study in desk.coming()]
        rows = _sorted([r for r in rows if status in (None, r.status)], sort)
        return StudyList(
            total=len(rows),
            studies=rows[offset : offset + limit],
            on_their_way=desk.on_their_way(),
        )

    @router.get("/studies/{key}", responses={404: {"model": Problem}})
    def study(key: str, caller: Asking) -> StudyAnswer:
        """A study as its reader left it; its images are made ready meanwhile."""
        found = desk.study(key)
        desk.prepare(found)
        return answer(found, desk.view(found, caller.reading))

    @router.get("/studies/{key}/log", responses={404: {"model": Problem}})
    def log(key: str, caller: Asking) -> list[EntryAnswer]:
        """All entries, undone ones too; with two readers those of who asks."""
        entries = desk.view(desk.study(key), caller.reading).entries
        return [entry_answer(entry) for entry in entries]

    @router.get("/studies/{key}/guidance", responses={404: {"model": Problem}})
    def guidance(key: str, caller: Asking) -> GuidanceAnswer:
        """What guidelines advise for what is not rejected, by what is known now."""
        found = desk.study(key)
        return guidance_answer(found, desk.view(found, caller.reading).state)

    @router.post(
        "/studies/{key}/entries",
        response_model=StudyAnswer,
        responses={
            404: {"model": Problem},
            409: {"model": ConflictAnswer},
            422: {"model": Problem},
        },
    )
    def entries(
        key: str, caller: Asking, request: Annotated[EntryRequest, Body()]
    ) -> StudyAnswer | JSONResponse:
        """Add an entry; answers with the new state.

        Where another entry came first nothing is added, and the answer (409) has the state now.
        """
        found = desk.study(key)
        try:
            view = desk.record(
                found, caller.deciding, request.kind, request.finding, request.data,
                request.expected_version,
            )  # fmt: skip
        except StudyConflictError as conflict:
            told = ConflictAnswer(
                code=ErrorCode.ENTRY_CONFLICT.value,
                message="Another entry on this study came first.",
                remedy="Look at the study as it is now, and decide again.",
                state=answer(found, conflict.view),
            )
            return JSONResponse(told.model_dump(mode="json"), status_code=409)
        return answer(found, view)

    return router


def _failed_row(study: FailedStudy) -> StudyRow:
    error = Problem(code=study.code, message=study.message, remedy=study.remedy)
    return _row_without_result(
        study.name,
        "failed",
        study.received,
        error=error,
        may_be_retried=study.may_be_retried,
    )


def _coming_row(study: ComingStudy) -> StudyRow:
    status: ListStatus = "running" if study.running else "waiting"
    return _row_without_result(study.name, status, study.received, step=study.step or None)


def _row_without_result(
    name: str, status: ListStatus, received: str | None, **more: Any
) -> StudyRow:
    return StudyRow(
        key=name,
        status=status,
        findings=None,
        to_decide=None,
        highest_malignancy=None,
        expected_errors=None,
        study_date=None,
        received=received,
        reader=None,
        warnings=[],
        operating_point=None,
        images=False,
        **more,
    )


def _sorted(rows: list[StudyRow], sort: str) -> list[StudyRow]:
    field, descending = sort.removeprefix("-"), sort.startswith("-")

    def value(row: StudyRow) -> Any:
        if field == "status":
            return _STATUS_ORDER.index(row.status)
        return len(row.warnings) if field == "warnings" else getattr(row, field)

    rows = sorted(rows, key=lambda row: row.key)
    known = [row for row in rows if value(row) is not None]
    known.sort(key=value, reverse=descending)
    unknown = [row for row in rows if value(row) is None]
    unknown.sort(key=lambda row: _STATUS_ORDER.index(row.status))
    return known + unknown
