"""Uvicorn on a socket that is listened on already."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

_GRACE_S = 5


def run_server(application: FastAPI, listener: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        application: what is served.
        listener: bound; its port is known before the server starts.
    """
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,  # addresses name studies, and the first one has the token
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=30,
        limit_concurrency=200,
        h11_max_incomplete_event_size=64 * 1024,
    )
    uvicorn.Server(config).run(sockets=[listener])
