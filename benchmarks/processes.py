"""Measurements in processes of their own, for benchmarks/chain.py."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

Once = Callable[[], dict[str, Any]]
"""Runs a process; gives its figures."""


def chain_run(what: str, source: Path, *more: str, runs: int = 2) -> Once:
    """One process of benchmarks/chain_run.py; the runs after the first one are warm."""
    script = [sys.executable, str(ROOT / "benchmarks" / "chain_run.py"), what, str(source)]
    return partial(_chain_run, [*script, "--runs", str(runs), *more])


def _chain_run(command: Sequence[str]) -> dict[str, Any]:
    began = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=ENVIRONMENT, cwd=ROOT
    )
    whole = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    warm = told["runs"][1:] or told["runs"]

    def middle(key: str) -> float:
        return statistics.median(run[key] for run in warm)

    return {
        "wall_s": middle("wall_s"),
        "cpu_s": middle("cpu_s"),
        "whole_s": whole - sum(run["wall_s"] for run in told["runs"][1:]),
        "peak_mib": told["peak_mib"],
        "steps_s": {
            name: statistics.median(run["steps_s"][name] for run in warm)
            for name in warm[0]["steps_s"]
        },
    }


def command(source: Path) -> Once:
    """``nodulus detect`` on a study as a whole new process."""
    return partial(_command, source)


def _command(source: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        # Of what is left of a log only its end is shown, and a pipe could fill up.
        log = Path(folder) / "log"
        with log.open("w") as file:
            began = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "app", "detect", str(source), "-o", f"{folder}/out"],
                stdout=file,
                stderr=file,
                env=ENVIRONMENT,
                cwd=ROOT,
            )
            # Of the process and of those that it waited for.
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"nodulus detect failed:\n{log.read_text()[-2000:]}")
    return {
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "whole_s": wall,
        # Linux counts in KiB, macOS in bytes.
        "peak_mib": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**20,
        "steps_s": {},
    }


def interleaved(jobs: Mapping[str, Once], rounds: int) -> dict[str, dict[str, Any]]:
    """Run each job in turn, again and again; medians over the rounds, and all walls.

    What else the machine does then falls on all of them alike.
    """
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in jobs}
    for number in range(1, rounds + 1):
        for name, once in jobs.items():
            print(f"round {number}/{rounds}: {name} ...", end=" ", flush=True)
            one = {**once(), "load": os.getloadavg()[0]}
            print(f"{one['wall_s']:.1f} s, CPU {one['cpu_s']:.1f} s", flush=True)
            told[name].append(one)
    return {name: _medians(ones) for name, ones in told.items()}


def _medians(ones: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = ("wall_s", "cpu_s", "whole_s", "peak_mib", "load")
    return {
        **{key: statistics.median(one[key] for one in ones) for key in keys},
        "steps_s": {
            step: statistics.median(one["steps_s"][step] for one in ones)
            for step in ones[0]["steps_s"]
        },
        "walls_s": [one["wall_s"] for one in ones],
    }
