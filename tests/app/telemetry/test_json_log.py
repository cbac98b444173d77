"""The log of JSON lines."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.telemetry.json_log import JsonLog, JsonLogFile
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End, Work

WORK = Work("study-1", "1.2.3", "42")
NOON_S = 1_790_000_000.25


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_line_says_when_what_and_how_long(tmp_path: Path) -> None:
    handler = JsonLogFile(tmp_path / "run.jsonl")
    log = JsonLog(handler)
    log.run_began({"workers": 2}, NOON_S)
    log.step(WORK, "lungs", NOON_S, NOON_S + 1.5)
    log.ended(WORK, End("done", None, 3, 4.0, 1200.4), NOON_S, NOON_S + 6)
    log.ended(WORK, End("failed", "worker-died", again=True), NOON_S, NOON_S + 7)
    log.ended(Work("study-1", ITEM_ITSELF, "42"), End(), NOON_S, NOON_S + 8)
    log.run_ended({"done": 1}, NOON_S, NOON_S + 9)
    handler.close()
    of = {"study": "1.2.3", "item": "study-1", "worker": "42"}
    given = lines(tmp_path / "run.jsonl")
    assert given[0]["time"] == "2026-09-21T14:13:20.250+00:00"
    assert [{k: v for k, v in line.items() if k != "time"} for line in given] == [
        {"level": "info", "event": "run-began", "workers": 2},
        {"level": "info", "event": "step", **of, "step": "lungs", "seconds": 1.5},
        {
            "level": "info", "event": "study", **of, "status": "done", "seconds": 6.0,
            "cpu_seconds": 4.0, "peak_mib": 1200, "findings": 3,
        },
        {
            "level": "error", "event": "study", **of, "status": "failed", "code": "worker-died",
            "seconds": 7.0, "again": True,
        },
        {"level": "info", "event": "item", "item": "study-1", "worker": "42", "seconds": 8.0},
        {"level": "info", "event": "run-ended", "done": 1, "seconds": 9.0},
    ]  # fmt: skip


def test_other_records_give_their_message_alone(tmp_path: Path) -> None:
    handler = JsonLogFile(tmp_path / "run.jsonl")
    try:
        raise ValueError("DOE^JANE")
    except ValueError:
        record = logging.LogRecord("nodulus", 40, "", 0, "a\n%s", ("b",), None)
        record.exc_info = (ValueError, ValueError("DOE^JANE"), None)
        handler.handle(record)
    handler.close()
    (line,) = lines(tmp_path / "run.jsonl")
    assert line.pop("time")
    assert line == {"level": "error", "event": "log", "message": "a\nb"}


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    handler = JsonLogFile(tmp_path / "run.jsonl")
    log = JsonLog(handler)
    log.run_began({}, NOON_S)
    (tmp_path / "run.jsonl").rename(tmp_path / "run.jsonl.1")
    log.run_ended({}, NOON_S, NOON_S)
    handler.close()
    assert [line["event"] for line in lines(tmp_path / "run.jsonl.1")] == ["run-began"]
    assert [line["event"] for line in lines(tmp_path / "run.jsonl")] == ["run-ended"]


def test_a_log_that_cannot_be_made_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(NodulusError) as caught:
        JsonLogFile(tmp_path / "missing" / "run.jsonl")
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert "run.jsonl" in str(caught.value)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110
def test_a_full_disk_costs_the_log_and_not_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    log = JsonLog(handler := JsonLogFile(Path("/dev/full")))
    for _ in range(3):
        log.run_began({}, NOON_S)
    handler.stream = None  # closing would write what is left
    assert capfd.readouterr().err.count("cannot be written") == 1
