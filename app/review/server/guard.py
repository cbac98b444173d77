"""What stands between the network and the application: who may ask, and how much.

The application shows images of patients to whoever it answers. It listens on the loopback
interface, where other users of the computer, and any page in the reader's browser, can reach it:

- the Host header must name this computer, so that a foreign name that was pointed here (DNS
  rebinding) is not answered;
- every request carries the session's token, given once in the address that is opened at the start
  and kept in a cookie of this site alone;
- what changes something carries a second token, which a foreign page cannot read, and does not
  come from another origin (cross-site request forgery);
- a body is bounded, and the answers allow the page nothing that it did not bring itself.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nodulus.app.errors import ErrorCode

CSRF_HEADER = "X-CSRF-Token"
MAX_BODY_BYTES = 8 * 2**20
"""Of a request: the largest outline, packed, is far below."""
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "img-src 'self' blob: data:",
        "style-src 'self'",
        "worker-src 'self' blob:",
        "connect-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Session:
    """One run of the application.

    Args:
        hosts: names of this computer that a request may be for, with the port.
        token: who has it is the reader.
        csrf: what the reader's page must send with a change.
    """

    hosts: frozenset[str]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies are not kept apart by port, so that it has a mark."""
        return "nodulus_" + "_".join(sorted(host.rpartition(":")[2] for host in self.hosts)[:1])


def loopback_session(port: int, more_hosts: Iterable[str] = ()) -> Session:
    """Give a new session for the loopback interface.

    Args:
        port: that is listened on.
        more_hosts: other names, with their port, that requests may be for.
    """
    return Session(frozenset({f"{name}:{port}" for name in _LOOPBACK} | set(more_hosts)))


class Guard:
    """ASGI middleware that lets only the session's own requests through.

    Args:
        app: what is guarded.
        session: whose requests.
        max_body_bytes: of a request.
    """

    def __init__(
        self, app: ASGIApp, session: Session, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._app = app
        self._session = session
        self._max_body = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        first_visit = self._in_query(scope) and scope["method"] == "GET"
        if first_visit and not scope["path"].startswith("/api/"):
            await self._enter(scope, send)
            return
        await self._app(scope, self._bounded(receive), self._with_headers(scope, send))

    def _refusal(  # noqa: PLR0911 - one return for each threat
        self, scope: Scope, headers: Headers
    ) -> tuple[int, str, str] | None:
        """Status, message and remedy of a request that is not let through."""
        if headers.get("host", "").lower() not in self._session.hosts:
            return 421, "The request is for another host.", "Open the address that was printed."
        try:
            length = int(headers.get("content-length") or 0)
        except ValueError:
            return 400, "The Content-Length is no number.", "Send it again."
        if length > self._max_body:
            return 413, "The request is too large.", f"Send at most {self._max_body:,} bytes."
        by_bearer = self._is_token(headers.get("authorization", "").removeprefix("Bearer "))
        if not (by_bearer or self._in_query(scope) or self._in_cookie(headers)):
            return (
                401,
                "The request does not belong to this session.",
                "Open the address, with its token, that nodulus review printed.",
            )
        if scope["method"] in _SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() not in self._session.hosts:
            return 403, "The request comes from another site.", "Use the page itself."
        given = headers.get(CSRF_HEADER, "")
        if not by_bearer and not hmac.compare_digest(given.encode(), self._session.csrf.encode()):
            return (
                403,
                "The request has no valid CSRF token.",
                f"Send the token of /api/session as {CSRF_HEADER}; load the page again.",
            )
        return None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._session.token.encode())

    def _in_query(self, scope: Scope) -> bool:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return any(self._is_token(token) for token in query.get("token", []))

    def _in_cookie(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._session.cookie)
        except CookieError:
            return False
        return cookie is not None and self._is_token(cookie.value)

    async def _enter(self, scope: Scope, send: Send) -> None:
        """Exchange the token of the address for a cookie, and take it out of the address."""
        cookie = f"{self._session.cookie}={self._session.token}; HttpOnly; SameSite=Lax; Path=/"
        await send(
            {
                "type": "http.response.start",
                "status": 303,
                "headers": [
                    (b"location", b"/"),
                    (b"set-cookie", cookie.encode()),
                    (b"cache-control", b"no-store"),
                    (b"referrer-policy", b"no-referrer"),
                    (b"content-length", b"0"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": b""})

    def _bounded(self, receive: Receive) -> Receive:
        """A body that does not say its length is refused where it gets too large."""
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_body:
                raise HTTPException(413, "The request is too large")
            return message

        return bounded

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return with_headers


async def _answer(send: Send, status: int, message: str, remedy: str) -> None:
    content: dict[str, Any] = {
        "code": ErrorCode.REQUEST_REFUSED.value,
        "message": message,
        "remedy": remedy,
    }
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    headers += [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
