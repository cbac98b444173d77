"""A service with the stand-in for the chain, in a process of its own.

Arguments: DATA PORT SECONDS [STOW_URL or AE@HOST:PORT]...
"""

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
    from nodulus.app.serve.dicom_destination import DicomAddress, DicomDestination
    from nodulus.app.serve.sender import Destination

    data, port, seconds, *places = sys.argv[1:]

    def destination(place: str) -> Destination:
        is_dicom = "@" in place
        return DicomDestination(DicomAddress.parse(place)) if is_dicom else StowDestination(place)

    service, desk = make_service(
        Path(data),
        seconds=float(seconds),
        workers=2,
        destinations={place: destination(place) for place in places},
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
