"""A DICOMweb server on this machine whose network can be lost; for benchmarks/cohort_faults.py."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydicom import dcmread

_BOUNDARY = "nodulus-benchmark"


class SmallDicomweb:
    """Answers QIDO-RS for studies and CT series, and WADO-RS for a series.

    Args:
        studies: folder of each study's files, one series each, by StudyInstanceUID.

    Attributes:
        url: of the service.
        lost: whether connections are cut, some in the middle of an answer.
    """

    def __init__(self, studies: Mapping[str, Path]) -> None:
        self.lost = False
        series = {
            uid: str(dcmread(min(folder.iterdir()), stop_before_pixels=True).SeriesInstanceUID)
            for uid, folder in studies.items()
        }
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                place = parts.path.strip("/").split("/")
                if place == ["studies"]:
                    query = parse_qs(parts.query)
                    first = int(query.get("offset", ["0"])[0])
                    limit = int(query.get("limit", ["1000"])[0])
                    self._json([_element("0020000D", u) for u in list(studies)[first:][:limit]])
                elif len(place) == 3:
                    self._json([_element("0020000E", series[place[1]])])
                else:
                    self._images(studies[place[1]])

            def _json(self, content: list[dict[str, object]]) -> None:
                if not outer.lost:
                    self._send("application/dicom+json", json.dumps(content).encode())

            def _images(self, folder: Path) -> None:
                body = b"".join(
                    f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
                    + path.read_bytes()
                    + b"\r\n"
                    for path in sorted(folder.iterdir())
                )
                kind = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
                self._send(kind, body + f"--{_BOUNDARY}--\r\n".encode())

            def _send(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                half = len(body) // 2
                self.wfile.write(body[:half])
                if not outer.lost:
                    self.wfile.write(body[half:])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop to answer."""
        self._server.shutdown()
        self._server.server_close()


def _element(tag: str, uid: str) -> dict[str, object]:
    return {tag: {"vr": "UI", "Value": [uid]}}
