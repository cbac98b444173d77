"""Signing in with an OpenID Connect provider: there, and back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from nodulus.app.errors import NodulusError
from nodulus.app.review.server.access import cookie
from nodulus.app.serve.account_access import LOGIN_PAGE, OIDC_CALLBACK, OIDC_LOGIN, AccountAccess
from nodulus.app.serve.accounts import SESSION_S
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.oidc import LOGIN_S, Oidc, OidcError

_FAILED = f"{LOGIN_PAGE}#single-sign-on-failed"
_SIGNED_IN = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Nodulus</title>'
    '<meta http-equiv="refresh" content="0; url=/"><a href="/">Go on</a></html>'
)
"""No redirect: the session's cookie, SameSite=Strict, is not sent on one that began elsewhere."""


def oidc_routes(oidc: Oidc, access: AccountAccess, log: AuditLog) -> APIRouter:
    """Make the routes.

    Args:
        oidc: the provider.
        access: by accounts.
        log: of who signs in.
    """
    router = APIRouter(tags=["accounts"])

    @router.get(OIDC_LOGIN, status_code=303, response_class=RedirectResponse)
    def login(request: Request) -> Response:
        """Go to the provider."""
        try:
            address, state = oidc.begin()
        except OidcError as error:
            return failed(request, "", str(error))
        marks = access.set_state_cookie(state, int(LOGIN_S))
        return RedirectResponse(address, 303, {"Set-Cookie": marks})

    @router.get(OIDC_CALLBACK, response_class=HTMLResponse)
    def callback(request: Request) -> Response:
        """Come back from it: opens a session of a browser."""
        name = ""
        try:
            kept = cookie(request.headers, access.state_cookie)
            person = oidc.finish(dict(request.query_params), kept)
            name = person.name
            account = access.accounts.of_person(
                person.issuer, person.subject, person.name, person.role
            )
            token = access.accounts.open(account.name, "browser")
        except (OidcError, NodulusError) as error:
            return failed(
                request, name, error.message if isinstance(error, NodulusError) else str(error)
            )
        log.write("login", account.name, _address(request), detail="OpenID Connect")
        answer = HTMLResponse(_SIGNED_IN)
        answer.headers.append("Set-Cookie", access.set_cookie(token, int(SESSION_S)))
        answer.headers.append("Set-Cookie", access.set_state_cookie("", 0))
        return answer

    def failed(request: Request, name: str, why: str) -> Response:
        detail = f"OpenID Connect: {why}"
        log.write("login-failed", name, _address(request), detail=detail, success=False)
        return RedirectResponse(_FAILED, 303, {"Set-Cookie": access.set_state_cookie("", 0)})

    return router


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host
