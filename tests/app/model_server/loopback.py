"""A server of networks on this machine, in a thread of the test, without Ray."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nodulus.app.model_server.protocol import Answer, Protocol, RefusedError, refused, result
from nodulus.app.model_server.served_network import load_served

Handle = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""From method, path, headers and body to an answer."""


@contextmanager
def listening(handle: Handle) -> Iterator[str]:
    """Serve on a free port; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = handle(self.command, self.path, self.headers, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def networks_of(models: Path | None) -> Handle:
    """The protocol over the networks of a folder."""
    served = load_served(models, "cpu")
    protocol = Protocol(served)

    def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method == "GET":
            return protocol.describe(path)
        try:
            request = protocol.inference(path, headers, body)
        except RefusedError as refusal:
            return refused(refusal)
        return result(request, request.network.run([request.image])[0])

    return handle
