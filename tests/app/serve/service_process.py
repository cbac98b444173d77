"""A service in a process of its own that is killed, and an archive that counts what it gets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from tests.app.serve.service_samples import wait_for

REPOSITORY = Path(__file__).resolve().parents[3]


@contextmanager
def http_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Archive(BaseHTTPRequestHandler):
    """Takes one instance a request by STOW-RS, and counts it."""

    got: Counter[str]
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        content = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        with self.lock:
            self.got[str(dcmread(DicomBytesIO(content)).StudyInstanceUID)] += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Service:
    """The service in a process, which is started anew on the same port and folder."""

    def __init__(self, data: Path, seconds: float, *more: str) -> None:
        self._arguments = [str(data), str(_free_port()), str(seconds), *more]
        self.url = f"http://127.0.0.1:{self._arguments[1]}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.app.serve.run_stand_in", *self._arguments],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        )
        wait_for(self._answers, 300)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "it has ended"
        try:
            return httpx.get(f"{self.url}/health", timeout=120).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
