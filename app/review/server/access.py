"""Which requests belong to somebody who may ask."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import Scope

from nodulus.app.review.desk import Reader
from nodulus.app.review.server.caller import Caller

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Seen:
    """Somebody who was recognised.

    Args:
        caller: who.
        by_header: by a token that no browser sends by itself, so that no other page can have made
            the request.
    """

    caller: Caller
    by_header: bool


class Access(Protocol):
    """Recognises who asks."""

    @property
    def hosts(self) -> frozenset[str]:
        """Names of this computer that a request may be for, with the port."""

    @property
    def remedy(self) -> str:
        """What somebody who was not recognised can do."""

    async def seen(self, scope: Scope, headers: Headers) -> Seen | None:
        """Who asks; None for a stranger."""

    def is_open(self, scope: Scope) -> bool:
        """Whether anybody may ask for this."""

    def entrance(self, scope: Scope, *, known: bool) -> tuple[str, str | None] | None:
        """Where a browser is sent instead of an answer, and the cookie that it is given."""


@dataclass(frozen=True)
class Session:
    """One run of the application, for one reader who knows its token.

    Args:
        hosts: names of this computer that a request may be for, with the port.
        reader: who that is.
        token: who has it is the reader.
        csrf: what the reader's page must send with a change.
    """

    hosts: frozenset[str]
    reader: Reader
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    remedy: str = "Open the address, with its token, that was printed at the start."

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies are not kept apart by port, so that it has a mark."""
        return "nodulus_" + "_".join(sorted(host.rpartition(":")[2] for host in self.hosts)[:1])

    async def seen(self, scope: Scope, headers: Headers) -> Seen | None:
        """The reader, by a header, the cookie or the address."""
        by_header = self._is_token(bearer(headers))
        if by_header or self._in_query(scope) or self._is_token(cookie(headers, self.cookie)):
            return Seen(Caller(self.reader, self.csrf, self.reader.name, True), by_header)
        return None

    def is_open(self, scope: Scope) -> bool:
        """Whether the application only says that it runs."""
        return str(scope["path"]) == "/health"

    def entrance(self, scope: Scope, *, known: bool) -> tuple[str, str | None] | None:
        """Exchange the token of the address for a cookie, and take it out of the address."""
        if not self._in_query(scope) or scope["path"].startswith("/api/"):
            return None
        return "/", f"{self.cookie}={self.token}; HttpOnly; SameSite=Lax; Path=/"

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _in_query(self, scope: Scope) -> bool:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return any(self._is_token(token) for token in query.get("token", []))


def loopback_hosts(port: int, more: Iterable[str] = ()) -> frozenset[str]:
    """Give the names of this computer that only it knows itself by.

    Args:
        port: that is listened on.
        more: other names, with their port.
    """
    return frozenset(
        {f"{name}:{port}" for name in LOOPBACK_NAMES} | {name.lower() for name in more}
    )


def loopback_session(port: int, reader: Reader, more_hosts: Iterable[str] = ()) -> Session:
    """Give a new session for the loopback interface.

    Args:
        port: that is listened on.
        reader: who reads.
        more_hosts: other names, with their port, that requests may be for.
    """
    return Session(loopback_hosts(port, more_hosts), reader)


def bearer(headers: Headers) -> str:
    """Give the token of an Authorization header; empty for none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def cookie(headers: Headers, name: str) -> str:
    """Give a cookie's value; empty for none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value
