"""Traces for any collector of OpenTelemetry (https://opentelemetry.io), sent by OTLP over HTTP."""

from __future__ import annotations

import logging
from importlib import metadata
from typing import TYPE_CHECKING, Any

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End, Watcher, Work

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

_NANO = 10**9


class Traces(Watcher):
    """Makes a trace of each item: in its span are its own steps, and a span a study with steps.

    Spans are made here, in the process that starts the workers, from the times that these tell:
    wherever they run, and however they end, no span is lost with them.

    Args:
        provider: makes tracers.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("nodulus", metadata.version("nodulus"))
        self._spans: dict[Work, Any] = {}

    def began(self, work: Work, at_s: float) -> None:
        """See `Watcher.began`."""
        facts = {"nodulus.item": work.item, "nodulus.worker": work.worker}
        name, parent = "item", None
        if work.study != ITEM_ITSELF:
            name, parent = "study", Work(work.item, ITEM_ITSELF, work.worker)
            facts["nodulus.study"] = work.study
        self._spans[work] = self._span(name, parent, at_s, facts)

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        """See `Watcher.step`."""
        self._span(name, work, began_s, {"nodulus.step": name}).end(_nanoseconds(ended_s))

    def ended(self, work: Work, end: End, began_s: float, ended_s: float) -> None:
        """See `Watcher.ended`."""
        from opentelemetry.trace import Status, StatusCode

        span = self._spans.pop(work)
        facts = {
            "nodulus.status": end.status,
            "error.type": end.code,
            "nodulus.findings": end.findings,
            "nodulus.cpu_seconds": end.cpu_s,
            "nodulus.peak_mib": end.peak_mib,
            "nodulus.again": end.again or None,
        }
        span.set_attributes({name: value for name, value in facts.items() if value is not None})
        if end.code is not None:
            span.set_status(Status(StatusCode.ERROR, end.code))
        span.end(_nanoseconds(ended_s))

    def close(self) -> None:
        """See `Watcher.close`."""
        self._provider.shutdown()

    def _span(self, name: str, parent: Work | None, at_s: float, facts: dict[str, str]) -> Any:
        from opentelemetry.context import Context
        from opentelemetry.trace import set_span_in_context

        context = Context()
        if parent is not None:
            context = set_span_in_context(self._spans[parent], context)
        return self._tracer.start_span(
            name, context, attributes=facts, start_time=_nanoseconds(at_s)
        )


def make_traces() -> Traces:
    """Send traces to where the environment variables of OpenTelemetry say (``OTEL_...``).

    Raises:
        NodulusError: ``package-missing``.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "Traces need opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http.",
            remedy="Install them with: pip install -c constraints.txt '.[telemetry]'",
        ) from error
    _say_once()

    return Traces(provider_of(BatchSpanProcessor(OTLPSpanExporter())))


def provider_of(processor: SpanProcessor) -> TracerProvider:
    """Make what makes tracers.

    Args:
        processor: gets the spans.
    """
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    version = {"service.version": metadata.version("nodulus")}
    # What the environment says of the service comes first.
    resource = Resource({"service.name": "nodulus", **version}).merge(_told())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def _told() -> Any:
    """What the environment, and OpenTelemetry itself, say of this process."""
    from opentelemetry.sdk.resources import Resource

    found = Resource.create()
    unnamed = str(found.attributes.get("service.name", "")).startswith("unknown_service")
    left_out = {"service.name"} if unnamed else set()
    return Resource({k: v for k, v in found.attributes.items() if k not in left_out})


class _Once(logging.Filter):
    """Lets the first record pass."""

    def __init__(self) -> None:
        super().__init__()
        self._said = False

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter.filter`."""
        first, self._said = not self._said, True
        return first


class _Plain(logging.Formatter):
    """Says that traces are lost, and not why: the library's text has a page of traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        text = record.getMessage().splitlines()[0][:200]
        return f"warning: traces do not arrive, and the run goes on without: {text}"


def _say_once() -> None:
    logger = logging.getLogger("opentelemetry")
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    handler.addFilter(_Once())
    logger.handlers[:] = [handler]
    logger.setLevel(logging.WARNING)
    logger.propagate = False


def _nanoseconds(at_s: float) -> int:
    return round(at_s * _NANO)
