"""Traces, as a collector on this machine gets them."""

from __future__ import annotations

import sys
import time

import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.telemetry.study_clock import StudyClock
from nodulus.app.telemetry.traces import make_traces, provider_of
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End
from tests.app.telemetry.otlp_collector import attributes, collecting

pytest.importorskip("opentelemetry.sdk")
NOW_S = 1_790_000_000.0


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


def test_a_collector_gets_a_trace_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        traces = make_traces()
        clock = StudyClock(traces, "42")
        clock.begin("study-1", NOW_S)
        clock.step(ITEM_ITSELF, "look", NOW_S)
        clock.step("1.2.3", "read", NOW_S + 0.25)
        clock.step("1.2.3", "lungs", NOW_S + 1)
        clock.outcome("1.2.3", End("done", None, 3, 4.0, 1200.0), NOW_S + 2)
        clock.end(NOW_S + 2)
        clock.begin("study-2", NOW_S + 3)
        clock.step("4.5.6", "read", NOW_S + 3)
        clock.cut(End("failed", "memory-limit"), NOW_S + 5, again=False)
        traces.close()
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.resources[0]["service.name"] == "nodulus"
    first, second = (collector.roots()[item] for item in ("study-1", "study-2"))
    look, study = collector.children(first)
    assert [span.name for span in (first, look, study)] == ["item", "look", "study"]
    assert [span.name for span in collector.children(study)] == ["read", "lungs"]
    assert len({span.trace_id for span in collector.spans}) == 2
    lungs = collector.children(study)[1]
    assert lungs.start_time_unix_nano == round((NOW_S + 1) * 1e9)
    assert lungs.end_time_unix_nano == study.end_time_unix_nano == round((NOW_S + 2) * 1e9)
    assert attributes(study) == {
        "nodulus.item": "study-1", "nodulus.study": "1.2.3", "nodulus.worker": "42",
        "nodulus.status": "done", "nodulus.findings": 3, "nodulus.cpu_seconds": 4.0,
        "nodulus.peak_mib": 1200.0,
    }  # fmt: skip
    (failed,) = collector.children(second)
    assert attributes(failed)["error.type"] == "memory-limit"
    assert failed.status.code == 2
    assert len(collector.spans) == 8


def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    monkeypatch.setenv("OTEL_SERVICE_NAME", "screening")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=night")
    found = provider_of(SimpleSpanProcessor(InMemorySpanExporter())).resource.attributes
    assert found["service.name"] == "screening"
    assert found["deployment.environment"] == "night"
    assert found["service.version"]


def test_no_collector_costs_the_traces_alone_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    traces = make_traces()
    clock = StudyClock(traces, "42")
    for number in range(20):
        clock.begin(f"study-{number}", NOW_S)
        clock.end(NOW_S)
    began = time.monotonic()
    traces.close()
    assert time.monotonic() - began < 10
    told = capfd.readouterr().err
    assert told.count("traces do not arrive") == 1
    assert "Traceback" not in told


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(NodulusError, match=r"\.\[telemetry\]") as caught:
        make_traces()
    assert caught.value.code is ErrorCode.PACKAGE_MISSING
