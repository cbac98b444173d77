"""Connections that bring no request are closed.

Uvicorn waits for the first request of a connection as long as it takes. A few hundred connections
that say nothing would take all places (``limit_concurrency``), and nobody needs an account for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    # Either of uvicorn's two; they agree in what is used here.
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Base
else:
    _Base = AutoHTTPProtocol

HEAD_S = 15.0
"""Within which the head of a request must be whole."""


class HeadTimeoutProtocol(_Base):
    """Uvicorn's protocol, with a limit on the time that the head of a request takes.

    Between two requests of a connection uvicorn's own ``timeout_keep_alive`` holds.
    """

    head_s = HEAD_S
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait no more where a request has come; a part of a head gives no more time."""
        super().data_received(data)
        request = getattr(self, "cycle", None)  # None before the first one, whatever its type says
        if request is not None and not request.response_complete:
            self._wait_no_more()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.head_s, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
