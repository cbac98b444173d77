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
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
FAULTS = {
    "die-once": 10, "die": 3, "hang": 3, "hog": 3, "truncated": 5, "no-dicom": 3, "missing": 3,
    "twice": 5,
}  # fmt: skip
"""How many of 500 studies have a fault. A truncated image is left out, and its study done."""
EXPECTED = {
    "die": ("failed", "worker-died"),
    "hang": ("failed", "time-limit"),
    "hog": ("failed", "memory-limit"),
    "no-dicom": ("refused", "no-images"),
    "missing": ("refused", "input-not-found"),
}
SLICES = 24
"""Of a study, 4 to 5 mm apart."""
PARTS = ("machine", "shards", "ray", "full-disk", "lost-network", "memory")


def prepare(folder: Path, count: int) -> dict[str, str]:
    """Make the studies and their faults, once; give the fault of each, by its folder's name."""
    plan = folder / "plan.json"
    if plan.is_file():
        return dict(json.loads(plan.read_text()))
    bases = make_phantoms(folder / "phantoms")
    rng = random.Random(5)
    kinds = [kind for kind, share in FAULTS.items() for _ in range(max(1, share * count // 500))]
    faults = dict(zip(rng.sample(range(count), len(kinds)), kinds, strict=True))
    named = {}
    for number in range(count):
        name = f"study-{number:04d}"
        target = folder / "studies" / name
        shutil.rmtree(target, ignore_errors=True)
        if faults.get(number) == "no-dicom":
            target.mkdir(parents=True)
            (target / "notes.txt").write_text("no image")
        elif faults.get(number) != "missing":
            copy_study(bases[number % len(bases)], target, number)
        if faults.get(number) == "truncated":
            victim = sorted(target.iterdir())[len(list(target.iterdir())) // 2]
            victim.write_bytes(victim.read_bytes()[:-9000])
        named[name] = faults.get(number, "")
    plan.write_text(json.dumps(named, indent=1))
    return named


def make_phantoms(folder: Path) -> list[list[Path]]:
    """Four small chests as DICOM; the files of the middle of each, to be quick."""
    from nodulus.app.data.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
    from nodulus.app.data.phantom.recipe import PhantomRecipe

    plan = DatasetPlan(folder, 11, PhantomRecipe.small(), "test", PhantomFormat.DICOM)
    for _ in write_dataset(plan, 4):
        pass
    by_folder: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*.dcm")):
        by_folder.setdefault(path.parent, []).append(path)
    return [files[(len(files) - SLICES) // 2 :][:SLICES] for files in by_folder.values()]


def uid_of(*parts: object) -> str:
    """A UID that follows from what it is for."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=[str(part) for part in ("faults", *parts)]))


def copy_study(files: Sequence[Path], target: Path, number: int) -> None:
    """Write a study under other UIDs."""
    from pydicom import dcmread

    target.mkdir(parents=True)
    for index, path in enumerate(files):
        image = dcmread(path)
        image.StudyInstanceUID = uid_of(number)
        image.SeriesInstanceUID = uid_of(number, "series")
        image.SOPInstanceUID = uid_of(number, index)
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(target / f"{index:04d}.dcm", enforce_file_format=True)


class Cohort:
    """One part: its studies, and the processes that run them.

    Args:
        folder: of the part.
        studies: folder of the studies.
        faults: by the name of a study's folder.
        chain: more arguments of benchmarks/faulty_chain.py.
    """

    def __init__(self, folder: Path, studies: Path, faults: Mapping[str, str], *chain: str) -> None:
        self.output, self.marks = folder / "out", folder / "marks"
        self.faults = faults
        self.table = folder / "studies.csv"
        self._plan = folder / "keys.json"
        self._chain = chain
        self.marks.mkdir(parents=True, exist_ok=True)
        rows = [studies / name for name in faults]
        for name, fault in faults.items():
            if fault == "twice":
                rows.append(_second_copy(studies / name, folder / "again" / name))
        self.table.write_text("\n".join(["path", *map(str, rows)]) + "\n")
        keys = {self.key(name): fault for name, fault in faults.items() if fault}
        self._plan.write_text(json.dumps(keys))

    def key(self, name: str) -> str:
        """Of a study, by its folder's name."""
        return uid_of(int(name.rpartition("-")[2]))

    def start(self, *more: str, source: str = "") -> subprocess.Popen[str]:
        """Start a run."""
        command = [
            sys.executable, str(ROOT / "benchmarks" / "faulty_chain.py"),
            source or str(self.table), "-o", str(self.output), "--plan", str(self._plan),
            "--marks", str(self.marks), *self._chain, *more,
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ended(self) -> int:
        """How many outcomes are put down."""
        return len(self.outcomes())

    def outcomes(self) -> list[dict[str, Any]]:
        """Of all shards."""
        from dataclasses import asdict

        from nodulus.app.cohort.run_cohort import ledgers

        return [asdict(one) for ledger in ledgers(self.output) for one in ledger.outcomes()]

    def problems(self) -> list[str]:
        """What does not add up."""
        found = self.outcomes()
        wrong = []
        by_key: dict[str, list[dict[str, Any]]] = {}
        for one in found:
            by_key.setdefault(one["key"] or one["item"], []).append(one)
        for name, fault in self.faults.items():
            if fault in {"no-dicom", "missing"}:
                continue  # known by their items alone, and counted below
            ones = [(o["status"], o["code"]) for o in by_key.pop(self.key(name), [])]
            wanted = [EXPECTED.get(fault, ("done", None))]
            if fault == "twice":
                ones, wanted = sorted(ones, key=str), [("done", None), ("duplicate", None)]
            if ones != wanted:
                wrong.append(f"{name} ({fault or 'no fault'}): {ones}, not {wanted}")
        for fault in ("no-dicom", "missing"):
            seen = sum((o["status"], o["code"]) == EXPECTED[fault] for o in found)
            if seen != sum(one == fault for one in self.faults.values()):
                wrong.append(f"{fault}: {seen}")
            by_key = {
                k: v for k, v in by_key.items() if (v[0]["status"], v[0]["code"]) != EXPECTED[fault]
            }
        wrong += [f"{key}: an outcome of nothing: {ones}" for key, ones in by_key.items()]
        return wrong + self._folders(found)

    def _folders(self, found: Iterable[Mapping[str, Any]]) -> list[str]:
        """Results without an outcome, and the other way round."""
        done = Counter(str(one["folder"]) for one in found if one["status"] == "done")
        there = {path.parent.name for path in self.output.glob("*/findings.json")}
        for path in self.output.glob("*/findings.json"):
            json.loads(path.read_text())
        wrong = [f"{folder}: done {n} times" for folder, n in done.items() if n > 1]
        wrong += [f"{folder}: no result" for folder in done.keys() - there]
        return wrong + [f"{folder}: a result of nothing" for folder in there - done.keys()]

    def begun_again(self) -> dict[str, int]:
        """How often studies were begun more than once, by their fault."""
        by_key = {self.key(name): fault for name, fault in self.faults.items()}
        again: Counter[str] = Counter()
        for path in self.marks.iterdir():
            again[by_key[path.name] or "no fault"] += len(path.read_text().splitlines()) - 1
        return {fault: number for fault, number in again.items() if number}

    def figures(self, seconds: float, **more: object) -> dict[str, Any]:
        """What a part came to."""
        statuses = Counter(one["status"] for one in self.outcomes())
        return {
            "studies": len(self.faults), "outcomes": dict(statuses), "wall_s": round(seconds, 1),
            "studies_an_hour": round(3600 * statuses["done"] / seconds),
            "begun_again": self.begun_again(), "problems": self.problems(), **more,
        }  # fmt: skip


def _second_copy(study: Path, again: Path) -> Path:
    if not again.exists():
        shutil.copytree(study, again)
    return again


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
    began, kills = time.perf_counter(), 0
    waiting = [(str(n), "4") for n in (1, 2, 3, 4)]
    killed: set[tuple[str, str]] = set()
    at_work: dict[tuple[str, str], subprocess.Popen[str]] = {}
    while waiting or at_work:
        while waiting and len(at_work) < 2:
            shard = waiting.pop(0)
            at_work[shard] = cohort.start("--workers", "1", "--retry-failed", "--shard", *shard)
        time.sleep(5.0)
        for shard, run in list(at_work.items()):
            if run.poll() is not None:
                del at_work[shard]
                if run.returncode != 0:
                    waiting.append(shard)
            elif shard not in killed and rng.random() < 0.1 and workers_of(run):
                run.kill()
                killed.add(shard)
                kills += 1
    return cohort.figures(time.perf_counter() - began, killed={"run, signal 9": kills})


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
    from benchmarks.small_dicomweb import SmallDicomweb

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


def memory(cohort: Cohort, _rng: random.Random) -> dict[str, Any]:
    """One process, networks and all; what it holds, now and then."""
    began = time.perf_counter()
    run = cohort.start("--workers", "0", "--real")
    held: list[tuple[int, float]] = []

    def act() -> None:
        if cohort.output.exists():
            process = psutil.Process(run.pid)
            held.append((cohort.ended(), process.memory_info().rss / 2**20))

    end(run, 2.0, act)
    peaks = [one["peak_mib"] for one in cohort.outcomes() if one["status"] == "done"]
    half = [mib for ended, mib in held if ended > len(cohort.faults) / 2]
    first = [mib for ended, mib in held if 10 <= ended <= len(cohort.faults) / 2]
    return cohort.figures(
        time.perf_counter() - began,
        held_mib=[(n, round(mib)) for n, mib in held[:: max(1, len(held) // 40)]],
        mean_mib_first_half=round(sum(first) / max(1, len(first))),
        mean_mib_second_half=round(sum(half) / max(1, len(half))),
        peak_mib=round(max(peaks)),
    )


RUN: Mapping[str, Callable[[Cohort, random.Random], dict[str, Any]]] = {
    "machine": machine, "shards": shards, "ray": on_ray, "full-disk": full_disk,
    "lost-network": lost_network, "memory": memory,
}  # fmt: skip


def chosen(faults: Mapping[str, str], part: str) -> dict[str, str]:
    """Studies of a part: all, or some without faults of their own."""
    sound = [name for name, fault in faults.items() if not fault]
    if part in {"full-disk", "lost-network"}:
        return dict.fromkeys(sound[:40], "")
    if part == "memory":
        return dict.fromkeys(sound, "")
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
        cohort = Cohort(given.output / part, given.output / "studies", chosen(faults, part))
        told[part] = RUN[part](cohort, random.Random(3))
        report.write_text(json.dumps(told, indent=1) + "\n")
        print(json.dumps({k: v for k, v in told[part].items() if k != "held_mib"}), flush=True)
    if any(one["problems"] for one in told.values()):
        raise SystemExit("studies were lost or doubled")


if __name__ == "__main__":
    main()
