"""Whether a cohort loses or doubles a study: python benchmarks/cohort_faults.py OUT.

Makes small phantom studies, runs them as cohorts while workers and runs are killed (SIGKILL), some
studies hang or take all memory, files are broken, the disk is full and the network is lost, and
counts. Every study must have one outcome, the one that its plan asks for, and its result folder;
what was done must not be done again. A part that has ended is not run again: OUT/faults.json has
the figures, and the same command goes on after any end. Takes no traffic off this machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from planned_faults import ROOT, Cohort, prepare

PARTS = ("machine", "shards", "ray", "full-disk", "lost-network")
SHARDS = 4


def workers_of(run: subprocess.Popen[str], named: str = "spawn_main") -> list[psutil.Process]:
    """The processes that analyse."""

    def is_worker(process: psutil.Process) -> bool:
        with suppress(psutil.Error):  # it has just ended
            return named in " ".join(process.cmdline())
        return False

    with suppress(psutil.Error):
        return [one for one in psutil.Process(run.pid).children(recursive=True) if is_worker(one)]
    return []


def end(run: subprocess.Popen[str], each_s: float, act: Callable[[], None]) -> str:
    """Wait for a run; do something now and then; give what it printed last."""
    while run.poll() is None:
        time.sleep(each_s)
        if run.poll() is None:
            act()
    out, err = run.communicate()
    if run.returncode not in (0, -signal.SIGKILL, -signal.SIGINT, 1):
        raise SystemExit(f"a run ended with {run.returncode}:\n{err[-3000:]}")
    return err if run.returncode else out


def machine(cohort: Cohort, rng: random.Random) -> dict[str, Any]:
    """Two workers; one is killed now and then, and the whole run twice."""
    began, kills = time.perf_counter(), Counter[str]()
    total = len(cohort.faults)
    for share, number in ((0.3, signal.SIGKILL), (0.6, signal.SIGINT), (2.0, signal.SIGKILL)):
        run = cohort.start("--retry-failed")

        def act(run: subprocess.Popen[str] = run, share: float = share, n: int = number) -> None:
            if cohort.output.exists() and cohort.ended() > share * total:
                run.send_signal(n)
                kills[f"run, signal {n}"] += 1
            elif (workers := workers_of(run)) and rng.random() < 0.4:
                rng.choice(workers).kill()
                kills["worker, signal 9"] += 1

        end(run, 5.0, act)
    end(cohort.start("--retry-failed"), 5.0, lambda: None)  # what two kills made fail
    return cohort.figures(time.perf_counter() - began, killed=dict(kills))


def shards(cohort: Cohort, rng: random.Random) -> dict[str, Any]:
    """Four shards into one folder, two at a time; each is killed once, and goes on."""
    from nodulus.app.cohort.run_cohort import Shard, opened

    def ended(number: int) -> int:
        path = cohort.output / "cohort" / f"{Shard(number, SHARDS).name()}.sqlite"
        if not path.exists():
            return 0
        ledger = opened(path)
        try:
            return len(list(ledger.outcomes()))
        finally:
            ledger.close()

    def start(number: int) -> subprocess.Popen[str]:
        own = ("--workers", "1", "--retry-failed", "--shard", str(number), str(SHARDS))
        return cohort.start(*own)

    began, killed = time.perf_counter(), Counter[str]()
    waiting = list(range(1, SHARDS + 1))
    kill_at = {n: rng.uniform(0.2, 0.7) * len(cohort.faults) / SHARDS for n in waiting}
    at_work: dict[int, subprocess.Popen[str]] = {}
    while waiting or at_work:
        while waiting and len(at_work) < 2:
            number = waiting.pop(0)
            at_work[number] = start(number)
        time.sleep(1.0)
        for number, run in list(at_work.items()):
            if run.poll() is None and number in kill_at and ended(number) > kill_at[number]:
                run.kill()
                run.wait()
                killed[f"shard {number}, signal 9"] += 1
                del kill_at[number]
            if run.poll() is not None:
                del at_work[number]
                said = run.communicate()[1]
                if run.returncode not in (0, -signal.SIGKILL):
                    raise SystemExit(f"shard {number} ended with {run.returncode}:\n{said[-3000:]}")
                if run.returncode != 0:
                    waiting.append(number)
    seconds = time.perf_counter() - began
    end(start(1), 1.0, lambda: None)  # nothing is left to do but the tables of all shards
    return cohort.figures(seconds, killed=dict(killed))


def on_ray(cohort: Cohort, rng: random.Random) -> dict[str, Any]:
    """Two actors of a Ray cluster of this machine; one is killed now and then."""
    began, kills = time.perf_counter(), Counter[str]()
    run = cohort.start("--ray", "--retry-failed")

    def act() -> None:
        actors = workers_of(run, "FarWorker")
        if actors and rng.random() < 0.3:
            rng.choice(actors).kill()
            kills["worker, signal 9"] += 1

    end(run, 10.0, act)
    end(cohort.start("--ray", "--retry-failed"), 5.0, lambda: None)
    return cohort.figures(time.perf_counter() - began, killed=dict(kills))


def full_disk(cohort: Cohort, _rng: random.Random) -> dict[str, Any]:
    """Results go to a small file system, which is made larger once it is full. Needs root."""
    began = time.perf_counter()
    cohort.output.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(cohort.output)], check=True
    )
    try:
        said = end(cohort.start(), 1.0, lambda: None)
        before = Counter(one["status"] for one in cohort.outcomes())
        subprocess.run(["mount", "-o", "remount,size=1g", str(cohort.output)], check=True)
        end(cohort.start("--retry-failed"), 1.0, lambda: None)
        why = "cannot be written" in said or "could not be written" in said or "full" in said
        return cohort.figures(time.perf_counter() - began, when_full=dict(before), said_why=why)
    finally:
        subprocess.run(["umount", str(cohort.output)], check=True)


def lost_network(cohort: Cohort, _rng: random.Random) -> dict[str, Any]:
    """Studies of a DICOMweb server, which is lost for a while in the middle."""
    from small_dicomweb import SmallDicomweb

    began = time.perf_counter()
    rows = [Path(row["path"]) for row in csv.DictReader(cohort.table.open())]
    server = SmallDicomweb({cohort.key(path.name): path for path in rows})
    try:
        run = cohort.start(source=server.url)

        def act() -> None:
            server.lost = (
                cohort.output.exists() and len(rows) // 4 < cohort.ended() < len(rows) // 2
            )

        end(run, 0.2, act)
        before = Counter(str(one["code"]) for one in cohort.outcomes())
        server.lost = False
        end(cohort.start("--retry-failed", source=server.url), 1.0, lambda: None)
    finally:
        server.close()
    return cohort.figures(time.perf_counter() - began, codes_when_lost=dict(before))


RUN: Mapping[str, Callable[[Cohort, random.Random], dict[str, Any]]] = {
    "machine": machine, "shards": shards, "ray": on_ray, "full-disk": full_disk,
    "lost-network": lost_network,
}  # fmt: skip


def chosen(faults: Mapping[str, str], part: str) -> dict[str, str]:
    """Studies of a part: all, or some without faults of their own."""
    sound = [name for name, fault in faults.items() if not fault]
    if part in {"full-disk", "lost-network"}:
        return dict.fromkeys(sound[:40], "")
    if part == "ray":
        return {name: fault for name, fault in faults.items() if fault} | dict.fromkeys(
            sound[:25], ""
        )
    return dict(faults)


def main() -> None:
    """Run the parts that are left, and write what they came to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT / "build" / "layout"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    )
    given.output.mkdir(parents=True, exist_ok=True)
    faults = prepare(given.output, given.studies)
    report = given.output / "faults.json"
    told: dict[str, Any] = json.loads(report.read_text()) if report.is_file() else {}
    for part in given.parts:
        if part in told:
            continue
        print(f"{part} ...", flush=True)
        cohort = Cohort(
            given.output / part,
            given.output / "studies",
            chosen(faults, part),
            *([SHARDS] if part == "shards" else []),
        )
        told[part] = RUN[part](cohort, random.Random(3))
        report.write_text(json.dumps(told, indent=1) + "\n")
        print(json.dumps(told[part]), flush=True)
    if any(one["problems"] for one in told.values()):
        raise SystemExit("studies were lost or doubled")


if __name__ == "__main__":
    main()
