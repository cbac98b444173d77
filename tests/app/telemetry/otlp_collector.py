"""A collector of OpenTelemetry's traces on this machine, which keeps what it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Collector:
    """What was sent to it.

    Args:
        url: where it listens.
        paths: of the requests.
        resources: attributes of the sender, one for each request.
        spans: as they came.
    """

    url: str = ""
    paths: list[str] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Read a request as OTLP's protobuf message."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        self.paths.append(path)
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(of_resource.resource))
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans

    def children(self, parent: Any) -> list[Any]:
        """The spans inside one, in the order in which they began."""
        inside = [span for span in self.spans if span.parent_span_id == parent.span_id]
        return sorted(inside, key=lambda span: span.start_time_unix_nano)

    def roots(self) -> dict[str, Any]:
        """Spans in no other one, by the item that they are about; one each."""
        found = [span for span in self.spans if not span.parent_span_id]
        by_item = {attributes(span)["nodulus.item"]: span for span in found}
        assert len(by_item) == len(found)
        return by_item


def attributes(span: Any) -> dict[str, Any]:
    """Attributes of a span or resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listen on a free port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
