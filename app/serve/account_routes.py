"""Signing in and out, and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.server.access import cookie
from nodulus.app.review.server.answers import Problem
from nodulus.app.review.server.caller import Asking
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.accounts import MAX_PASSWORD, SESSION_S, AccountRole
from nodulus.app.serve.audit import AuditLog

WINDOW_S = 900.0
MAX_OF_NAME_AT_ADDRESS, MAX_OF_ADDRESS, MAX_OF_NAME = 5, 20, 50
"""Failures within `WINDOW_S` after which no more is tried; the second stops who tries many names,
the third who tries one from many places."""


class LoginRequest(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=MAX_PASSWORD)


class LoginAnswer(BaseModel):
    """Who has signed in."""

    name: str
    role: AccountRole


class LoginWays(BaseModel):
    """How somebody can sign in."""

    single_sign_on: bool = Field(description="With an OpenID Connect provider, at /oidc/login")


class AuditAnswer(BaseModel):
    """An entry of the audit log."""

    at: str
    who: str
    address: str
    event: str
    study: str | None
    detail: str
    success: bool


class AuditPage(BaseModel):
    """A page of the audit log."""

    total: int
    entries: list[AuditAnswer]


def account_routes(access: AccountAccess, log: AuditLog, *, single_sign_on: bool) -> APIRouter:
    """Make the routes.

    Args:
        access: by accounts.
        log: of who signs in.
        single_sign_on: whether an OpenID Connect provider is there too.
    """
    router = APIRouter(prefix="/api", tags=["accounts"])
    accounts = access.accounts

    @router.get("/login")
    def ways() -> LoginWays:
        """How somebody can sign in; open to anybody."""
        return LoginWays(single_sign_on=single_sign_on)

    @router.post(
        "/login", responses={status: {"model": Problem} for status in (401, 403, 422, 429)}
    )
    def login(given: LoginRequest, request: Request, response: Response) -> LoginAnswer:
        """Open a session of a browser: its cookie comes with the answer."""
        address = "" if request.client is None else request.client.host
        if _is_too_often(log, given.name, address):
            raise _refused(
                ErrorCode.TOO_MANY_REQUESTS, "Signing in failed too often.", "Wait 15 minutes."
            )
        account = accounts.verified(given.name, given.password)
        if account is None:
            log.write("login-failed", given.name, address, success=False)
            raise _refused(
                ErrorCode.LOGIN_FAILED,
                "Name and password do not belong together.",
                "Try again, or ask an administrator.",
            )
        log.write("login", account.name, address)
        token = accounts.open(account.name, "browser")
        response.headers["Set-Cookie"] = access.set_cookie(token, int(SESSION_S))
        return LoginAnswer(name=account.name, role=account.role)

    @router.post("/logout", status_code=204)
    def logout(caller: Asking, request: Request) -> Response:
        """End the session."""
        address = "" if request.client is None else request.client.host
        accounts.close(cookie(request.headers, access.cookie))
        log.write("logout", caller.name, address)
        return Response(status_code=204, headers={"Set-Cookie": access.set_cookie("", 0)})

    @router.get("/audit", responses={403: {"model": Problem}})
    def audit(
        caller: Asking,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> AuditPage:
        """The audit log, the newest first; for administrators."""
        if not caller.may_manage:
            raise _refused(
                ErrorCode.NOT_ALLOWED, "The audit log is an administrator's.", "Ask one."
            )
        total, entries = log.entries(limit, offset)
        return AuditPage(total=total, entries=[AuditAnswer(**vars(entry)) for entry in entries])

    return router


def _is_too_often(log: AuditLog, name: str, address: str) -> bool:
    return (
        log.failed_logins(WINDOW_S, name, address) >= MAX_OF_NAME_AT_ADDRESS
        or log.failed_logins(WINDOW_S, None, address) >= MAX_OF_ADDRESS
        or log.failed_logins(WINDOW_S, name, None) >= MAX_OF_NAME
    )


def _refused(code: ErrorCode, message: str, remedy: str) -> NodulusError:
    return NodulusError(code, message, remedy=remedy)
