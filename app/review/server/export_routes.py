"""What a signed-off study gives: DICOM SR and SEG, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.desk import Desk, DeskStudy
from nodulus.app.review.double_reading import View
from nodulus.app.review.exports.decision_tables import encode_findings, encode_reviewed_marks
from nodulus.app.review.server.answers import Problem
from nodulus.app.review.server.caller import Asking, Caller

if TYPE_CHECKING:
    from nodulus.app.review.exports.signed_objects import SignedStudy

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (404, 409, 422)
}


def export_routes(desk: Desk, organization: str) -> APIRouter:
    """Make the routes; each answers 409 before the study is signed off.

    Args:
        desk: with the studies.
        organization: of the readers.
    """
    router = APIRouter(prefix="/api/studies/{key}/exports", tags=["exports"])

    def signed(key: str, caller: Caller) -> tuple[DeskStudy, View]:
        study = desk.study(key)
        view = desk.view(study, caller.reading)
        if not view.is_final:
            raise NodulusError(
                ErrorCode.NOT_SIGNED_OFF,
                "The study is not adjudicated.",
                remedy="Wait until its two readers and an adjudicator have signed it off.",
            )
        if view.state.signed_off is None:
            raise NodulusError(
                ErrorCode.NOT_SIGNED_OFF,
                "The study is not signed off.",
                remedy="Decide on every finding and sign it off.",
            )
        return study, view

    def with_images(key: str, caller: Caller) -> SignedStudy:
        from nodulus.app.review.exports.signed_objects import SignedStudy

        study, view = signed(key, caller)
        name = f"{study.analysis}/{view.reading}"
        return SignedStudy(study.result, view.state, desk.images(study), name, organization)

    @router.get("/sr.dcm", response_class=Response, responses=_PROBLEMS)
    def sr(key: str, caller: Asking) -> Response:
        """The structured report with the person as observer."""
        from nodulus.app.review.exports.signed_objects import encode_signed_sr

        made = with_images(key, caller)
        return _download(encode_signed_sr(made), "review_sr.dcm", "application/dicom")

    @router.get("/seg.dcm", response_class=Response, responses=_PROBLEMS)
    def seg(key: str, caller: Asking) -> Response:
        """The segmentation of what the reader let stand."""
        from nodulus.app.review.exports.signed_objects import encode_signed_seg

        made = with_images(key, caller)
        return _download(encode_signed_seg(made), "review_seg.dcm", "application/dicom")

    @router.get("/marks.csv", response_class=Response, responses=_PROBLEMS)
    def marks(key: str, caller: Asking) -> Response:
        """The nodules in LUNA16's form."""
        study, view = signed(key, caller)
        return _download(encode_reviewed_marks(study.result, view.state), "marks.csv", "text/csv")

    @router.get("/findings.csv", response_class=Response, responses=_PROBLEMS)
    def findings(key: str, caller: Asking) -> Response:
        """Every finding with its decision and measurements."""
        study, view = signed(key, caller)
        return _download(encode_findings([(study.result, view.state)]), "findings.csv", "text/csv")

    return router


def _download(content: bytes, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
