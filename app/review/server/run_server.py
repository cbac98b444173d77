"""Uvicorn on a socket that is listened on already."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from nodulus.app.review.server.head_timeout import HeadTimeoutProtocol

_GRACE_S = 5


def run_server(
    application: FastAPI,
    listener: socket.socket,
    *,
    begin: Callable[[Callable[[], None]], None] | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        application: what is served.
        listener: bound; its port is known before the server starts.
        begin: called once before, with what ends the server.
        certificate: PEM file, for TLS.
        key: of the certificate, if it is not in the same file.
    """
    config = uvicorn.Config(
        application,
        http=HeadTimeoutProtocol,
        log_level="warning",
        access_log=False,  # addresses name studies, and the first one has the token
        server_header=False,
        date_header=False,
        proxy_headers=False,  # anybody could send them
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=30,
        limit_concurrency=200,
        h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    if begin is not None:
        begin(stop)
    server.run(sockets=[listener])
