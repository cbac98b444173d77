"""A run's numbers for the textfile collector of Prometheus's node exporter.

https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End, Watcher, Work

WRITE_EVERY_S = 5.0
SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
"""Buckets of a study's time."""


class RunMetrics(Watcher):
    """Keeps a file with the numbers of a run; it is replaced as a whole, every few seconds.

    Args:
        path: of the file; its name must end in ``.prom`` for the collector to see it.
        shard: which part of the cohort, as a label: several shards may write beside each other.

    Raises:
        NodulusError: ``package-missing``, ``output-not-writable``.
    """

    def __init__(self, path: Path, shard: str) -> None:
        try:
            import prometheus_client as library
        except ModuleNotFoundError as error:
            raise NodulusError(
                ErrorCode.PACKAGE_MISSING,
                "Metrics need prometheus-client.",
                remedy="Install it with: pip install -c constraints.txt '.[telemetry]'",
            ) from error
        self._write = library.write_to_textfile
        self._path = path
        self._written = 0.0
        self._registry = registry = library.CollectorRegistry()

        def made(kind: Any, name: str, text: str, *labels: str, **more: Any) -> Any:
            return kind(name, text, ["shard", *labels], registry=registry, **more)

        self._shard = shard
        self._items = made(library.Gauge, "nodulus_cohort_items", "Items.", "state")
        self._studies = made(library.Counter, "nodulus_cohort_studies", "Studies.", "status")
        self._errors = made(library.Counter, "nodulus_cohort_errors", "Errors by code.", "code")
        self._cpu = made(library.Counter, "nodulus_cohort_cpu_seconds", "Processor time.")
        self._findings = made(library.Counter, "nodulus_cohort_findings", "Findings.")
        self._again = made(
            library.Counter, "nodulus_cohort_items_again", "Items cut short, and tried again."
        )
        self._peak_mib = 0.0
        self._peak = made(library.Gauge, "nodulus_cohort_peak_mib", "Most memory of a worker.")
        self._updated = made(library.Gauge, "nodulus_cohort_updated", "Time of the last change.")
        self._running = made(library.Gauge, "nodulus_cohort_running", "1 while the run goes on.")
        self._time = made(
            library.Histogram,
            "nodulus_cohort_study_seconds",
            "Wall time of studies.",
            buckets=SECONDS,
        )
        self._steps = made(library.Summary, "nodulus_cohort_step_seconds", "Of steps.", "step")
        try:
            self._put()
        except OSError as error:
            raise not_writable(path, error) from error

    def run_began(self, facts: Mapping[str, object], at_s: float) -> None:
        """See `Watcher.run_began`."""
        self._running.labels(self._shard).set(1)
        self._items.labels(self._shard, "open").set(_number(facts.get("items_to_do")))
        self._items.labels(self._shard, "ended").set(_number(facts.get("items_done_before")))
        self._put_if_possible()

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        """See `Watcher.step`."""
        self._steps.labels(self._shard, name).observe(ended_s - began_s)
        self._put_at_times()

    def ended(self, work: Work, end: End, began_s: float, ended_s: float) -> None:
        """See `Watcher.ended`."""
        if end.status is not None:
            self._studies.labels(self._shard, end.status).inc()
            if end.code is not None:
                self._errors.labels(self._shard, end.code).inc()
        if work.study == ITEM_ITSELF:
            self._count(end)
        elif end.status is not None:
            self._time.labels(self._shard).observe(ended_s - began_s)
            self._cpu.labels(self._shard).inc(end.cpu_s or 0.0)
            self._findings.labels(self._shard).inc(end.findings or 0)
            self._peak_mib = max(self._peak_mib, end.peak_mib or 0.0)
            self._peak.labels(self._shard).set(self._peak_mib)
        self._put_at_times()

    def _count(self, end: End) -> None:
        """Count an item that has ended, or that was cut short."""
        if end.again:
            self._again.labels(self._shard).inc()
            return
        self._items.labels(self._shard, "open").dec()
        self._items.labels(self._shard, "ended").inc()

    def run_ended(self, facts: Mapping[str, object], began_s: float, ended_s: float) -> None:
        """See `Watcher.run_ended`."""
        self._running.labels(self._shard).set(0)
        self._put_if_possible()

    def close(self) -> None:
        """See `Watcher.close`."""
        self._put_if_possible()

    def _put_at_times(self) -> None:
        if time.monotonic() - self._written > WRITE_EVERY_S:
            self._put_if_possible()

    def _put_if_possible(self) -> None:
        with suppress(OSError):  # that they are old is in the metrics: the run goes on
            self._put()

    def _put(self) -> None:
        self._written = time.monotonic()
        self._updated.labels(self._shard).set_to_current_time()
        self._write(str(self._path), self._registry)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
