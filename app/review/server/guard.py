"""What stands between the network and the application: who may ask, and how much.

The application shows images of patients to whoever it answers. It listens on the loopback
interface, where other users of the computer, and any page in the reader's browser, can reach it,
or, with accounts, on others:

- the Host header must name this computer, so that a foreign name that was pointed here (DNS
  rebinding) is not answered;
- every request carries what its sender is recognised by (`nodulus.app.review.server.access`);
- what changes something carries a second token, which a foreign page cannot read, and does not
  come from another origin (cross-site request forgery);
- a body is bounded in size and time, and the answers allow the page nothing that it did not bring
  itself.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nodulus.app.errors import ErrorCode
from nodulus.app.review.server.access import Access, Seen
from nodulus.app.review.server.caller import SCOPE_KEY

CSRF_HEADER = "X-CSRF-Token"
MAX_BODY_BYTES = 8 * 2**20
"""Of a request: the largest outline, packed, is far below."""
SILENT_S = 60.0
"""Between two pieces of a body; it also has so long on top of what `SLOWEST_BYTES_S` gives it."""
SLOWEST_BYTES_S = 16 * 1024
"""Bytes a second that a body comes with at least, on the whole."""
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
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware that lets only requests through of those who may ask.

    Args:
        app: what is guarded.
        access: recognises who asks.
        max_body_bytes: of a request; or gives it for a method and a path.
        policy_of: gives the Content-Security-Policy of what is answered at a path.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        max_body_bytes: int | Callable[[str, str], int] = MAX_BODY_BYTES,
        policy_of: Callable[[str], str] = lambda _path: CONTENT_SECURITY_POLICY,
    ) -> None:
        self._app = app
        self._access = access
        self._max_body = max_body_bytes
        self._policy_of = policy_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope)
        refusal = self._malformed(headers, limit)
        if refusal is None:
            seen = await self._access.seen(scope, headers)
            if scope["method"] == "GET":
                entrance = self._access.entrance(scope, known=seen is not None)
                if entrance is not None:
                    await _redirect(send, *entrance)
                    return
            refusal = self._refusal(scope, headers, seen)
            if seen is not None:
                scope[SCOPE_KEY] = seen.caller
        if refusal is not None:
            await _answer(send, *refusal)
            return
        await self._app(scope, self._bounded(receive, limit), self._with_headers(scope, send))

    def _limit(self, scope: Scope) -> int:
        if callable(self._max_body):
            return self._max_body(scope["method"], scope["path"])
        return self._max_body

    def _malformed(self, headers: Headers, limit: int) -> tuple[int, str, str] | None:
        """Status, message and remedy of a request that nobody may send."""
        hosts = self._access.hosts
        # Some programs leave the port out; the name is what a foreign page cannot choose.
        names = {host.rpartition(":")[0] for host in hosts if ":" in host}
        if headers.get("host", "").lower() not in hosts | names:
            return 421, "The request is for another host.", "Open the address that was printed."
        length = headers.get("content-length") or "0"
        if not (length.isascii() and length.isdecimal()):
            return 400, "The Content-Length is no number.", "Send it again."
        if int(length) > limit:
            return 413, "The request is too large.", f"Send at most {limit:,} bytes."
        return None

    def _refusal(
        self, scope: Scope, headers: Headers, seen: Seen | None
    ) -> tuple[int, str, str] | None:
        """Status, message and remedy of a request that is not let through."""
        if seen is None and not self._access.is_open(scope):
            return 401, "The request does not belong to a session.", self._access.remedy
        if scope["method"] in _SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() not in self._access.hosts:
            return 403, "The request comes from another site.", "Use the page itself."
        if seen is None or seen.by_header:
            return None
        given = headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), seen.caller.csrf.encode()):
            return (
                403,
                "The request has no valid CSRF token.",
                f"Send the token of /api/session as {CSRF_HEADER}; load the page again.",
            )
        return None

    def _bounded(self, receive: Receive, limit: int) -> Receive:
        """A body that gets too large, or too slow, is refused, whatever it says of its length."""
        read, is_whole, began = 0, False, time.monotonic()

        async def bounded() -> Message:
            nonlocal read, is_whole
            if is_whole:  # only the end of the connection is still to come
                return await receive()
            left = SILENT_S + read / SLOWEST_BYTES_S - (time.monotonic() - began)
            try:
                with anyio.fail_after(min(left, SILENT_S)):
                    message = await receive()
            except TimeoutError:
                left = 0.0
            if left <= 0:
                raise HTTPException(408, "The request comes too slowly, or has stopped coming")
            is_whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, "The request is too large")
            return message

        return bounded

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = self._policy_of(scope["path"])
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return with_headers


async def _redirect(send: Send, location: str, cookie: str | None) -> None:
    headers = [
        (b"location", location.encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-length", b"0"),
    ]
    if cookie is not None:
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _answer(send: Send, status: int, message: str, remedy: str) -> None:
    content: dict[str, Any] = {
        "code": ErrorCode.REQUEST_REFUSED.value,
        "message": message,
        "remedy": remedy,
    }
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    fixed = {**_HEADERS, "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    headers += [(name.lower().encode(), value.encode()) for name, value in fixed.items()]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
