"""A log of JSON lines, for collectors such as Fluent Bit, Vector or Promtail."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from nodulus.app.errors import not_writable
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End, Watcher, Work

FACTS = "nodulus_facts"
"""Attribute of a log record that holds what its line says beside time and level."""
LEVELS = {"failed": logging.ERROR, "refused": logging.WARNING}
"""Of a line about a study, by its status; others are information."""


class JsonLines(logging.Formatter):
    """Writes a log record as a JSON object on one line.

    A record with the attribute `FACTS` gives these; any other one its message, under the event
    ``log``. Neither has the traceback of an error, which may quote the input.
    """

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        facts = getattr(record, FACTS, None) or {"event": "log", "message": record.getMessage()}
        given = {name: value for name, value in facts.items() if value is not None}
        line = {"time": _iso(record.created), "level": record.levelname.lower(), **given}
        return json.dumps(line, ensure_ascii=True, default=str)


class JsonLogFile(WatchedFileHandler):
    """Appends JSON lines to a file, and opens it anew where something has moved it away.

    Where nothing can be written any more, the run goes on without its log, and says so once.

    Args:
        path: of the file.

    Raises:
        NodulusError: ``output-not-writable``.
    """

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(path, encoding="utf-8")
        except OSError as error:
            raise not_writable(path, error) from error
        self._path = path
        self._said = False
        self.setFormatter(JsonLines())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """See `logging.Handler.handleError`."""
        if not self._said:
            self._said = True
            fallback = logging.lastResort
            message = f"The log {self._path} cannot be written."
            if fallback is not None:
                fallback.handle(
                    logging.LogRecord("nodulus", logging.WARNING, "", 0, message, (), None)
                )


class JsonLog(Watcher):
    """Writes a line for each step, study and item that has ended, and for the run's two ends.

    Args:
        handler: takes the lines.
    """

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler

    def run_began(self, facts: Mapping[str, object], at_s: float) -> None:
        """See `Watcher.run_began`."""
        self._write(at_s, logging.INFO, {"event": "run-began", **facts})

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        """See `Watcher.step`."""
        seconds = round(ended_s - began_s, 3)
        self._write(
            ended_s,
            logging.INFO,
            {"event": "step", **_of(work), "step": name, "seconds": seconds},
        )

    def ended(self, work: Work, end: End, began_s: float, ended_s: float) -> None:
        """See `Watcher.ended`."""
        facts = {
            "event": "item" if work.study == ITEM_ITSELF else "study",
            **_of(work),
            "status": end.status,
            "code": end.code,
            "seconds": round(ended_s - began_s, 3),
            "cpu_seconds": None if end.cpu_s is None else round(end.cpu_s, 3),
            "peak_mib": None if end.peak_mib is None else round(end.peak_mib),
            "findings": end.findings,
            "again": end.again or None,
        }
        self._write(ended_s, LEVELS.get(end.status or "", logging.INFO), facts)

    def run_ended(self, facts: Mapping[str, object], began_s: float, ended_s: float) -> None:
        """See `Watcher.run_ended`."""
        seconds = round(ended_s - began_s, 3)
        self._write(ended_s, logging.INFO, {"event": "run-ended", **facts, "seconds": seconds})

    def _write(self, at_s: float, level: int, facts: dict[str, Any]) -> None:
        record = logging.LogRecord("nodulus.run", level, "", 0, "", (), None)
        record.created = at_s
        setattr(record, FACTS, facts)
        self._handler.handle(record)


def _of(work: Work) -> dict[str, str | None]:
    return {"study": work.study or None, "item": work.item, "worker": work.worker}


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, timezone.utc).isoformat(timespec="milliseconds")
