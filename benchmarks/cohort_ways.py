"""Ways to run the same studies, beside each other: python benchmarks/cohort_ways.py OUT.

`one`: one worker on one core. `two`: two workers on two cores. `service`: two workers whose
networks are on a model server of this machine with one process of one thread, on the same cores.
Each way analyses the same small phantom studies with the shipped networks, without reports, and
must find the same in each, but for rounding. A cohort's start is left out: what counts is the time
from reading a study to its written result. Run it on an idle machine. OUT/ways.json has figures.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from small_studies import copy_study, make_phantoms, slab

ROOT = Path(__file__).resolve().parents[1]
WAYS = ("one", "two", "service")
PORT = 8155
SLICES = 24


def prepare(folder: Path, count: int) -> Path:
    """Make the studies, once."""
    studies = folder / "studies"
    bases = make_phantoms(folder / "phantoms", 4)
    for number in range(count):
        target = studies / f"study-{number:04d}"
        if not target.exists():
            copy_study(slab(bases[number % 4], SLICES, number // 4), target, number)
    return studies


def nodulus(*arguments: str, cores: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start a command on some cores."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "RAY_worker_niceness": "0",
    }
    own = psutil.Process()
    before = own.cpu_affinity()
    own.cpu_affinity(list(cores))
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "nodulus", *arguments], env=environment, stdout=subprocess.PIPE
        )
    finally:
        own.cpu_affinity(before)


@contextmanager
def server(cores: Sequence[int]) -> Iterator[psutil.Process]:
    """A model server, ready."""
    process = nodulus("model-server", "start", "--port", str(PORT), "--threads", "1", cores=cores)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if b"served at" not in line:
            raise SystemExit(f"the model server did not start: {line!r}")
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def cpu_s(process: psutil.Process) -> float:
    """Processor time of a process and all that it has started and that lives."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def measure(way: str, studies: Path, output: Path) -> dict[str, Any]:
    """Run one way once."""
    shutil.rmtree(output, ignore_errors=True)
    workers = 1 if way == "one" else 2
    cores = sorted(psutil.Process().cpu_affinity())[:workers]
    command = ["cohort", str(studies), "-o", str(output), "--workers", str(workers), "--no-report"]
    served = 0.0
    if way == "service":
        with server(cores) as process:
            before = cpu_s(process)
            _end(nodulus(*command, "--model-service", f"http://127.0.0.1:{PORT}", cores=cores))
            served = cpu_s(process) - before
    else:
        _end(nodulus(*command, cores=cores))
    with (output / "cohort" / "studies.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    wall = sum(float(row["wall_s"]) for row in rows) / workers
    spent = sum(float(row["cpu_s"]) for row in rows)
    return {
        "way": way, "studies": len(rows), "done": sum(row["status"] == "done" for row in rows),
        "wall_s": round(wall, 2), "studies_an_hour": round(3600 * len(rows) / wall),
        "workers_cpu_s_a_study": round(spent / len(rows), 2),
        "server_cpu_s_a_study": round(served / len(rows), 2),
        "load_average": round(os.getloadavg()[0], 1), "findings": _findings(output),
    }  # fmt: skip


def _end(process: subprocess.Popen[bytes]) -> None:
    out = process.communicate()[0]
    if process.returncode != 0:
        raise SystemExit(f"a cohort ended with {process.returncode}:\n{out.decode()[-2000:]}")


def _findings(output: Path) -> list[tuple[object, ...]]:
    """All findings of a run, to be compared; probabilities to five places."""
    names = ("nodule_probability", "malignancy_probability")
    return [
        (path.parent.name, one["id"], one["volume_mm3"], *(round(one[name], 5) for name in names))
        for path in sorted(output.glob("*/findings.json"))
        for one in json.loads(path.read_text())["findings"]
    ]


def main() -> None:
    """Run the ways, turn by turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--studies", type=int, default=10)
    parser.add_argument("--times", type=int, default=3, help="turns")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["one", "two"])
    given = parser.parse_args()
    studies = prepare(given.output, given.studies)
    told: list[dict[str, Any]] = []
    first = None
    for _ in range(given.times):
        for way in given.ways:
            began = time.perf_counter()
            figures = measure(way, studies, given.output / way)
            findings = figures.pop("findings")
            first = first or findings
            figures |= {
                "same_findings": findings == first,
                "with_start_s": round(time.perf_counter() - began, 1),
            }
            told.append(figures)
            print(json.dumps(figures), flush=True)
            (given.output / "ways.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
