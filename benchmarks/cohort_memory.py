"""Whether a worker grows: python benchmarks/cohort_memory.py OUT.

One process with the networks analyses many small phantom studies as `nodulus cohort --workers 0`
does, and tells what it holds after each: OUT/memory.csv. Then a line is fitted, without the first
studies, in which caches fill: OUT/memory.json. Studies have 11 to 14 slices from several heights,
so that arrays of many sizes come and go.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from small_studies import copy_study, make_phantoms, slab

MIB = 2**20
SCALE = 0.5
"""Of the patients' lengths, so that a study is quick."""
FIELDS = ("studies", "resident_mib", "cpu_s", "wall_s")


def prepare(folder: Path, count: int, phantoms: int) -> Path:
    """Make the studies, once."""
    studies = folder / "studies"
    if len(list(studies.glob("*"))) < count:
        bases = make_phantoms(folder / "phantoms", phantoms)
        for number in range(count):
            target = studies / f"study-{number:04d}"
            if not target.exists():
                turn, base = divmod(number, phantoms)
                copy_study(slab(bases[base], 11 + turn % 4, turn % 5), target, number, SCALE)
    return studies


def fitted(rows: list[dict[str, float]], after: int) -> dict[str, Any]:
    """What the measurements say.

    Args:
        rows: with the keys ``studies`` and ``resident_mib``.
        after: studies that are left out at the beginning.

    Returns:
        The slope in MiB a hundred studies with its standard error, and means.
    """
    kept = [row for row in rows if row["studies"] > after]
    x = np.array([row["studies"] for row in kept])
    y = np.array([row["resident_mib"] for row in kept])
    (slope, level), *_ = np.linalg.lstsq(np.stack([x, np.ones_like(x)], axis=1), y, rcond=None)
    rest = y - slope * x - level
    spread = np.sqrt(rest @ rest / max(1, len(x) - 2) / ((x - x.mean()) ** 2).sum())
    half = len(y) // 2
    return {
        "studies": int(rows[-1]["studies"]), "left_out": after,
        "mib_a_hundred_studies": round(100 * slope, 2),
        "standard_error": round(100 * float(spread), 2),
        "mean_mib": [round(y[:half].mean(), 1), round(y[half:].mean(), 1)],
        "least_and_most_mib": [round(y.min(), 1), round(y.max(), 1)],
        "cpu_s_a_study": round(rows[-1]["cpu_s"] / rows[-1]["studies"], 2),
    }  # fmt: skip


def measure(studies: Path, output: Path) -> list[dict[str, float]]:
    """Analyse all studies in this process; what it holds after each."""
    from nodulus.app.cohort.item_runner import RunnerOptions
    from nodulus.app.cohort.items import inventory
    from nodulus.app.cohort.run_cohort import Shard, run_cohort
    from nodulus.app.cohort.supervisor import Limits
    from nodulus.app.results.options import OutputOptions

    rows: list[dict[str, float]] = []
    began, process = time.perf_counter(), psutil.Process()
    options = RunnerOptions(output / "results", results=OutputOptions(report=False))
    with (output / "memory.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, FIELDS)
        table.writeheader()

        def tell(outcome: Any) -> None:
            if outcome is not None:
                if outcome.status not in ("done", "refused"):
                    raise SystemExit(f"{outcome.key}: {outcome.code}: {outcome.message}")
                return
            held = process.memory_info().rss / MIB
            spent = time.process_time(), time.perf_counter() - began
            row = dict(zip(FIELDS, (len(rows) + 1, held, *spent), strict=True))
            rows.append(row)
            table.writerow({name: round(value, 2) for name, value in row.items()})
            stream.flush()

        run_cohort(
            inventory([str(studies)]), options, Shard(), workers=0, limits=Limits(), tell=tell
        )
    return rows


def main() -> None:
    """Measure, and write what it came to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path, help="an empty folder, or one of an earlier run")
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--phantoms", type=int, default=8)
    parser.add_argument("--after", type=int, default=50, help="studies left out of the line")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    studies = prepare(given.output, given.studies, given.phantoms)
    if (given.output / "results").exists():
        raise SystemExit(f"{given.output / 'results'} is of an earlier run: remove it first")
    told = fitted(measure(studies, given.output), given.after)
    (given.output / "memory.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
