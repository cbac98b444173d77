"""Recognises accounts: browsers by the cookie of their session, programs by a token."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from nodulus.app.review.desk import Reader
from nodulus.app.review.server.access import Seen, bearer, cookie
from nodulus.app.review.server.caller import Caller
from nodulus.app.review.server.viewer_build import VIEWER
from nodulus.app.serve.accounts import ORDERING, PERFORMING, Account, Accounts

LOGIN_PAGE = "/login.html"
OIDC_LOGIN, OIDC_CALLBACK = "/oidc/login", "/oidc/callback"
_PAGES = ("/", "/index.html", "/study.html")
_OPEN = frozenset(
    {
        "/health",
        "/api/login",
        LOGIN_PAGE,
        OIDC_LOGIN,
        OIDC_CALLBACK,
        "/icon.svg",
        "/css/base.css",
        "/js/login.js",
    }
)
"""What a stranger needs to sign in, and what says that the service runs."""


@dataclass(frozen=True)
class AccountAccess:
    """Access by accounts.

    Args:
        hosts: names of this computer that a request may be for, with the port.
        accounts: who may sign in.
        secure: whether browsers reach it by TLS alone.
    """

    hosts: frozenset[str]
    accounts: Accounts
    secure: bool
    remedy: str = "Sign in, or send a token of an account."

    @property
    def cookie(self) -> str:
        """The cookie's name; with its prefix a browser takes it by TLS and for this host alone."""
        return "__Host-nodulus" if self.secure else "nodulus_account"

    def set_cookie(self, token: str, max_age_s: int) -> str:
        """Give the header that has a browser keep a session's token, or forget it."""
        marks = "; Secure" if self.secure else ""
        return (
            f"{self.cookie}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}{marks}"
        )

    @property
    def state_cookie(self) -> str:
        """The name of the cookie that ties a login with a provider to its browser."""
        return f"{self.cookie}_oidc"

    def set_state_cookie(self, state: str, max_age_s: int) -> str:
        """Give the header that has a browser keep a login's state, or forget it.

        Lax, since it must come back with the browser from the provider's page.
        """
        marks = "; Secure" if self.secure else ""
        return (
            f"{self.state_cookie}={state}; HttpOnly; SameSite=Lax; Path=/;"
            f" Max-Age={max_age_s}{marks}"
        )

    async def seen(self, scope: Scope, headers: Headers) -> Seen | None:
        """The account of the token or the cookie."""
        given = bearer(headers)
        kept = cookie(headers, self.cookie)
        if given:
            session = await run_in_threadpool(self.accounts.session, given, "program")
        else:
            session = await run_in_threadpool(self.accounts.session, kept, "browser")
        if session is None:
            return None
        return Seen(self.caller(session.account, session.csrf), by_header=bool(given))

    def caller(self, account: Account, csrf: str) -> Caller:
        """Give who an account is to the routes."""
        reader = None
        match account.role:
            case "reader" | "adjudicator" as role:
                reader = Reader(account.name, role)
        return Caller(
            reader,
            csrf,
            account.name,
            may_manage=account.role == "admin",
            may_order=account.role in ORDERING,
            may_perform=account.role in PERFORMING,
            signed_in=True,
        )

    def is_open(self, scope: Scope) -> bool:
        """Whether it is part of signing in."""
        return scope["path"] in _OPEN

    def entrance(self, scope: Scope, *, known: bool) -> tuple[str, str | None] | None:
        """Who asks for a page is sent to sign in."""
        is_page = scope["path"] in _PAGES or scope["path"].startswith(f"{VIEWER}/")
        return (LOGIN_PAGE, None) if is_page and not known else None
