"""Errors as the application answers them: the code, what is wrong, what to do."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from nodulus.app.errors import ErrorCode, NodulusError

logger = logging.getLogger("nodulus")

_STATUS = {
    ErrorCode.STUDY_NOT_FOUND: 404,
    ErrorCode.IMAGES_NOT_FOUND: 404,
    ErrorCode.ENTRY_REFUSED: 422,
    ErrorCode.ENTRY_CONFLICT: 409,
    ErrorCode.NOT_SIGNED_OFF: 409,
    ErrorCode.REQUEST_REFUSED: 400,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.LOGIN_FAILED: 401,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.STORE_NOT_USABLE: 503,
    ErrorCode.PACKAGE_MISSING: 501,
}
_UNPROCESSABLE = 422
"""Whatever else is wrong with a study's files."""


def problem(code: ErrorCode, message: str, remedy: str, status: int) -> JSONResponse:
    """Give an error as it is sent."""
    content = {"code": code.value, "message": message, "remedy": remedy}
    return JSONResponse(content, status_code=status)


def install(application: FastAPI) -> None:
    """Have an application answer every error in this form.

    Args:
        application: gets the handlers.
    """

    @application.exception_handler(NodulusError)
    def known(_request: Request, error: NodulusError) -> JSONResponse:
        # The subject may be a path, which the page need not know.
        return problem(
            error.code, error.message, error.remedy, _STATUS.get(error.code, _UNPROCESSABLE)
        )

    @application.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first: Any = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem(
            ErrorCode.REQUEST_REFUSED,
            f"{place}: {first['msg']}.",
            "See the OpenAPI description at /api/openapi.json.",
            _UNPROCESSABLE,
        )

    @application.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(
            ErrorCode.REQUEST_REFUSED,
            f"{error.detail}.",
            "Go back to the work list.",
            error.status_code,
        )

    @application.exception_handler(Exception)
    def unexpected(_request: Request, error: Exception) -> JSONResponse:
        logger.debug("unexpected error", exc_info=error)
        return problem(
            ErrorCode.INTERNAL,
            f"An unexpected {type(error).__name__} stopped it.",
            "Try again; start it with --debug for the details, and report them.",
            500,
        )
