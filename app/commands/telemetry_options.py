"""The options that say who is told what a run is at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.option_group import option_group

if TYPE_CHECKING:
    from nodulus.app.telemetry.watcher import Watcher


metrics_option = click.option(
    "--metrics",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the run's numbers in this file (.prom), for Prometheus's textfile collector.",
)


telemetry_options = option_group(
    click.option(
        "--log-json",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Append a line of JSON to this file for each study and step, with times and codes.",
    ),
    click.option(
        "--traces",
        is_flag=True,
        help="Send a trace of each study to an OpenTelemetry collector, which the variables"
        " OTEL_... name.",
    ),
)


@contextmanager
def watching(
    log_json: Path | None, *, traces: bool, metrics: Path | None = None, shard: str = "1/1"
) -> Iterator[Watcher]:
    """Give what is told of a run, and write what is left of it at the end.

    The lines of Nodulus's own log go to ``log_json`` too.

    Args:
        log_json: file for JSON lines, or None.
        traces: whether traces are sent.
        metrics: file for Prometheus, or None.
        shard: which part of a cohort.

    Raises:
        NodulusError: ``package-missing``, ``output-not-writable``.
    """
    from nodulus.app.telemetry.json_log import JsonLog, JsonLogFile
    from nodulus.app.telemetry.run_metrics import RunMetrics
    from nodulus.app.telemetry.traces import make_traces
    from nodulus.app.telemetry.watcher import Watchers

    watchers: list[Watcher] = []
    handler = None if log_json is None else JsonLogFile(log_json)
    logger = logging.getLogger("nodulus")
    if handler is not None:
        watchers.append(JsonLog(handler))
        if logger.handlers:  # else they would no longer go to standard error
            logger.addHandler(handler)
    if metrics is not None:
        watchers.append(RunMetrics(metrics, shard))
    if traces:
        watchers.append(make_traces())
    watcher = Watchers(watchers)
    try:
        yield watcher
    finally:
        watcher.close()
        if handler is not None:
            logger.removeHandler(handler)
            handler.close()
