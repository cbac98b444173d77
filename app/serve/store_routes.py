"""STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from nodulus.app.review.dicomweb.base_address import base_address
from nodulus.app.review.dicomweb.dicom_json import DICOM_JSON
from nodulus.app.review.server.answers import Problem
from nodulus.app.review.server.application import DICOMWEB
from nodulus.app.serve.service import Service
from nodulus.app.serve.stow import store_instances

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/related": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def store_routes(service: Service) -> APIRouter:
    """Make the routes.

    Args:
        service: that takes studies.
    """
    router = APIRouter(prefix=DICOMWEB, tags=["DICOMweb"])
    problems: dict[int | str, dict[str, Any]] = {
        202: {"description": "Some instances were refused"},
        400: {"model": Problem},
        409: {"description": "All instances were refused"},
        413: {"model": Problem},
    }

    async def store(request: Request, study_uid: str | None) -> JSONResponse:
        stored = await store_instances(
            request.headers.get("content-type", ""), request.stream(), service.intake, study_uid
        )
        base = f"{base_address(request)}{DICOMWEB}"
        return JSONResponse(stored.answer(base), status_code=stored.status, media_type=DICOM_JSON)

    @router.post("/studies", openapi_extra=_BODY, responses=problems)
    async def store_any(request: Request) -> JSONResponse:
        """STOW-RS: instances of any studies; a study is analysed when no more come for a while."""
        return await store(request, None)

    @router.post("/studies/{study_uid}", openapi_extra=_BODY, responses=problems)
    async def store_of_study(study_uid: str, request: Request) -> JSONResponse:
        """STOW-RS: instances of one study."""
        return await store(request, study_uid)

    return router
