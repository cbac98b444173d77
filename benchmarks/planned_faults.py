"""Studies with planned faults, and what must become of them; for benchmarks/cohort_faults.py."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from small_studies import copy_study, make_phantoms, slab, uid_of

ROOT = Path(__file__).resolve().parents[1]
FAULTS = {
    "die-once": 10, "die": 3, "hang": 3, "hog": 3, "truncated": 5, "no-dicom": 3, "missing": 3,
    "twice": 5,
}  # fmt: skip
"""How many of 500 studies have a fault. A truncated image is left out, and its study done."""
DONE = ("done", None)
EXPECTED = {
    "die": [("failed", "worker-died")],
    "hang": [("failed", "time-limit")],
    # It takes memory, and time: which limit it meets first is the machine's affair.
    "hog": [("failed", "memory-limit"), ("failed", "time-limit")],
    "no-dicom": [("refused", "no-images")],
    "missing": [("refused", "input-not-found")],
}
"""The outcomes that a fault may have; others are `DONE`."""
SLICES = 24
"""Of a study, 4 to 5 mm apart."""


def prepare(folder: Path, count: int) -> dict[str, str]:
    """Make the studies and their faults, once; give the fault of each, by its folder's name."""
    plan = folder / "plan.json"
    if plan.is_file():
        return dict(json.loads(plan.read_text()))
    bases = [slab(files, SLICES) for files in make_phantoms(folder / "phantoms", 4)]
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


class Cohort:
    """One part: its studies, and the processes that run them.

    Args:
        folder: of the part.
        studies: folder of the studies.
        faults: by the name of a study's folder.
        shards: in how many parts it is run.
    """

    def __init__(
        self, folder: Path, studies: Path, faults: Mapping[str, str], shards: int = 1
    ) -> None:
        self.output, self.marks = folder / "out", folder / "marks"
        self.faults = faults
        self.table = folder / "studies.csv"
        self._plan = folder / "keys.json"
        self._shards = shards
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
            "--marks", str(self.marks), *more,
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
        in_two_shards = self._in_two_shards()
        by_key: dict[str, list[dict[str, Any]]] = {}
        for one in found:
            by_key.setdefault(one["key"] or one["item"], []).append(one)
        for name, fault in self.faults.items():
            if fault in {"no-dicom", "missing"}:
                continue  # known by their items alone, and counted below
            ones = [(o["status"], o["code"]) for o in by_key.pop(self.key(name), [])]
            wanted = [[one] for one in EXPECTED.get(fault, [DONE])]
            if fault == "twice":
                second = DONE if name in in_two_shards else ("duplicate", None)
                ones, wanted = sorted(ones, key=str), [[DONE, second]]
            if ones not in wanted:
                wrong.append(f"{name} ({fault or 'no fault'}): {ones}, not one of {wanted}")
        for fault in ("no-dicom", "missing"):
            seen = sum((o["status"], o["code"]) in EXPECTED[fault] for o in found)
            if seen != sum(one == fault for one in self.faults.values()):
                wrong.append(f"{fault}: {seen}")
            by_key = {
                key: ones
                for key, ones in by_key.items()
                if (ones[0]["status"], ones[0]["code"]) not in EXPECTED[fault]
            }
        wrong += [f"{key}: an outcome of nothing: {ones}" for key, ones in by_key.items()]
        return wrong + self._folders(found, {self.key(name) for name in in_two_shards})

    def _in_two_shards(self) -> set[str]:
        """Names of studies whose two rows belong to two shards, each of which analyses its own."""
        from nodulus.app.cohort.items import inventory, shard_of

        items = inventory([self.table]).items
        shards = [shard_of(items, n + 1, self._shards) for n in range(self._shards)]
        by_path = {item.given: n for n, shard in enumerate(shards) for item in shard}
        return {
            name
            for name in (name for name, fault in self.faults.items() if fault == "twice")
            if len({n for path, n in by_path.items() if Path(path).name == name}) > 1
        }

    def _folders(self, found: Sequence[Mapping[str, Any]], twice: set[str]) -> list[str]:
        """Results without an outcome, and the other way round."""
        done = Counter(str(one["folder"]) for one in found if one["status"] == "done")
        there = {path.parent.name for path in self.output.glob("*/findings.json")}
        for path in self.output.glob("*/findings.json"):
            json.loads(path.read_text())
        wrong = [
            f"{folder}: done {n} times" for folder, n in done.items() if n > 1 + (folder in twice)
        ]
        wrong += [f"{folder}: no result" for folder in done.keys() - there]
        wrong += [f"{folder}: a result of nothing" for folder in there - done.keys()]
        with (self.output / "cohort" / "studies.csv").open(newline="") as stream:
            rows = Counter(row["status"] for row in csv.DictReader(stream))
        outcomes = Counter(str(one["status"]) for one in found)
        return wrong if rows == outcomes else [*wrong, f"studies.csv: {rows}, not {outcomes}"]

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
