"""A service with the stand-in for the chain, in a process of its own.

Arguments: DATA PORT SECONDS [STOW_URL or AE@HOST:PORT]... [--ups-source URL]
"""

from __future__ import annotations

import argparse
import socket
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
    from nodulus.app.serve.workitems.image_source import ImageSource
    from nodulus.app.serve.workitems.service_worklist import service_worklist

    given = _arguments()

    def destination(place: str) -> Destination:
        is_dicom = "@" in place
        return DicomDestination(DicomAddress.parse(place)) if is_dicom else StowDestination(place)

    service, desk = make_service(
        given.data,
        seconds=given.seconds,
        workers=2,
        destinations={place: destination(place) for place in given.places},
    )
    worklist = None
    if given.ups_source is not None:
        sources = [ImageSource(given.ups_source)]
        address = f"http://127.0.0.1:{given.port}"
        log = AuditLog(service.database)
        worklist = service_worklist(service, sources, address, log, look_every_s=0.1)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", given.port))
    access = Session(loopback_hosts(given.port), Reader("A"), TOKEN)
    run_server(
        create_service_app(service, desk, access, AuditLog(service.database), worklist=worklist),
        listener,
        begin=service.start,
    )
    service.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("places", nargs="*")
    parser.add_argument("--ups-source")
    return parser.parse_args()


if __name__ == "__main__":
    main()
