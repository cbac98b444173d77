"""A service with the stand-in for the chain, in a process of its own: DATA PORT SECONDS [STOW]."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from tests.app.serve.service_samples import TOKEN, make_service


def main() -> None:
    """Serve until the process is ended, however that is."""
    from nodulus.app.review.desk import Reader
    from nodulus.app.review.server.access import Session, loopback_hosts
    from nodulus.app.review.server.run_server import run_server
    from nodulus.app.serve.application import create_service_app
    from nodulus.app.serve.audit import AuditLog
    from nodulus.app.serve.destinations import StowDestination

    data, port, seconds, *stow = sys.argv[1:]
    service, desk = make_service(
        Path(data),
        seconds=float(seconds),
        workers=2,
        destinations={url: StowDestination(url) for url in stow},
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    access = Session(loopback_hosts(int(port)), Reader("A"), TOKEN)
    run_server(
        create_service_app(service, desk, access, AuditLog(service.database)),
        listener,
        begin=service.start,
    )
    service.stop()


if __name__ == "__main__":
    main()
