"""What Prometheus is told (prometheus.io/docs/instrumenting/exposition_formats)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from nodulus.app.telemetry.watcher import Watcher, Work

Counting = Callable[[], Mapping[Any, int]]
"""Gives numbers by state."""
_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class _Counts:
    """Numbers that the database knows, asked for when somebody looks."""

    def __init__(self, name: str, text: str, counts: Counting) -> None:
        self._name, self._text, self._counts = name, text, counts

    def collect(self) -> Iterable[Metric]:
        """Give them, by state."""
        family = GaugeMetricFamily(self._name, self._text, labels=["state"])
        for state, count in self._counts().items():
            family.add_metric([state], count)
        yield family


class Metrics(Watcher):
    """The service's counters.

    Args:
        studies: gives the number of studies by state.
        deliveries: gives the number of objects to be sent by state.
    """

    def __init__(self, studies: Counting, deliveries: Counting) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Counts("nodulus_studies", "Studies.", studies))
        self._registry.register(_Counts("nodulus_deliveries", "Objects to be sent.", deliveries))
        self._analysed = Counter(
            "nodulus_analyses", "Ends of an analysis.", ["state"], registry=self._registry
        )
        self._seconds = Histogram(
            "nodulus_analysis_seconds",
            "Wall time of analyses that are done.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._steps = Summary(
            "nodulus_step_seconds", "Wall time of steps.", ["step"], registry=self._registry
        )

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        """See `Watcher.step`."""
        self._steps.labels(name).observe(ended_s - began_s)

    def analysed(self, state: str, wall_s: float) -> None:
        """Count an analysis."""
        self._analysed.labels(state).inc()
        if state == "done":
            self._seconds.observe(wall_s)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
