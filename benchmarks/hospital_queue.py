"""How many workers give which waiting time: python benchmarks/hospital_queue.py STUDIES -o OUT.

STUDIES is ``studies.csv`` of ``nodulus cohort``, whose times (``wall_s``, or ``--column cpu_s`` for
workers that have a core for themselves alone) of studies that are done are drawn from as they are.
Studies arrive at random (a Poisson process) at a rate that follows the hours of a working day, and
free workers take them in the order in which they came, as in `nodulus serve` and `nodulus cohort`.
Writes OUT.csv and OUT.png, and prints the table. ``--seed`` makes it repeatable.
"""

from __future__ import annotations

import argparse
import csv
import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
WORKING_DAY = (
    *(0.2,) * 6, 0.5, 2.0, 4.0, 4.5, 4.5, 4.0, 3.0, 3.5, 4.0, 4.0, 3.0, 1.5, 1.0,
    *(0.5,) * 3, 0.3, 0.2,
)  # fmt: skip
"""Arrivals of each hour as shares of each other: supposed, not measured. Most come in working
hours, with a dip at noon; an emergency department goes on at night."""


@dataclass(frozen=True)
class Waiting:
    """Of a number of workers.

    Args:
        workers: that take studies.
        load: share of the time that they are busy.
        median_s: from a study's arrival to its result.
        p95_s: 95 of 100 studies have their result by then.
        p99_s: 99 of 100.
        longest_s: of all.
    """

    workers: int
    load: float
    median_s: float
    p95_s: float
    p99_s: float
    longest_s: float


def arrivals(
    rng: np.random.Generator, a_day: float, days: int, hours: Sequence[float] = WORKING_DAY
) -> NDArray[np.float64]:
    """Draw when studies arrive, in seconds, in order.

    Args:
        rng: source of randomness.
        a_day: studies on the mean day.
        days: that are drawn.
        hours: of a day, as shares of each other.
    """
    shares = np.asarray(hours, dtype=np.float64) / np.sum(hours)
    counts = rng.poisson(a_day * np.tile(shares, days))
    starts = np.repeat(np.arange(len(counts)) * HOUR_S, counts)
    return np.sort(starts + rng.uniform(0.0, HOUR_S, len(starts)))


def results_after(arrived_s: ArrayLike, service_s: ArrayLike, workers: int) -> NDArray[np.float64]:
    """From each study's arrival to its result, in seconds: workers take the first one that waits.

    Args:
        arrived_s: when each arrived, in order.
        service_s: how long each takes a worker.
        workers: that take studies.
    """
    free = [0.0] * workers
    after = []
    for arrived, takes in zip(np.asarray(arrived_s), np.asarray(service_s), strict=True):
        done = max(heapq.heappop(free), float(arrived)) + float(takes)
        heapq.heappush(free, done)
        after.append(done - float(arrived))
    return np.asarray(after)


def simulate(times_s: Sequence[float], a_day: float, workers: int, days: int, seed: int) -> Waiting:
    """Run a queue.

    Args:
        times_s: what studies took, to draw from.
        a_day: studies on the mean day.
        workers: that take studies.
        days: that are simulated.
        seed: of the draws; the same seed gives each number of workers the same studies.
    """
    rng = np.random.default_rng(seed)
    arrived = arrivals(rng, a_day, days)
    takes = rng.choice(np.asarray(times_s), len(arrived))
    after = results_after(arrived, takes, workers)
    middle, p95, p99 = (float(np.quantile(after, q)) for q in (0.5, 0.95, 0.99))
    load = float(takes.sum() / (workers * days * DAY_S))
    return Waiting(workers, load, middle, p95, p99, float(after.max()))


def read_times(path: Path, column: str = "wall_s") -> list[float]:
    """The seconds of each study of a cohort that is done."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [float(row[column]) for row in rows if row["status"] == "done"]


def draw(rows: Sequence[tuple[float, Waiting]], path: Path) -> None:
    """Draw the 95th percentile by workers, a line for each number of studies a day."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for a_day in sorted({a_day for a_day, _ in rows}):
        # With more work than time the queue grows with the days that are simulated.
        line = [one for each, one in rows if each == a_day and one.load < 1]
        axis.plot([o.workers for o in line], [o.p95_s for o in line], "o-", label=f"{a_day:,.0f}")
    axis.set(xlabel="workers", ylabel="95 % have their result after, s", yscale="log", xscale="log")
    ticks = sorted({one.workers for _, one in rows})
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(title="studies a day", fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("studies", type=Path, help="studies.csv of nodulus cohort")
    parser.add_argument("-o", "--output", type=Path, required=True, help="without a suffix")
    parser.add_argument("--a-day", type=float, nargs="+", default=[100, 1000, 5000, 20000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--column", choices=["wall_s", "cpu_s"], default="wall_s")
    parser.add_argument("--days", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    times_s = read_times(given.studies, given.column)
    if not times_s:
        raise SystemExit(f"{given.studies}: no study of it is done")
    print(f"{len(times_s)} studies, {np.mean(times_s):.1f} s on the mean")
    rows = [
        (a_day, simulate(times_s, a_day, workers, given.days, given.seed))
        for a_day in given.a_day
        for workers in given.workers
    ]
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with given.output.with_suffix(".csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["a_day", *asdict(rows[0][1])])
        writer.writeheader()
        writer.writerows({"a_day": a_day, **asdict(one)} for a_day, one in rows)
    draw(rows, given.output.with_suffix(".png"))
    for a_day, one in rows:
        print(
            f"{a_day:>8,.0f} a day, {one.workers:>3} workers: load {one.load:>5.2f}, results after"
            f" {one.median_s:,.0f} s (median), {one.p95_s:,.0f} s (95 %), {one.p99_s:,.0f} s (99 %)"
        )


if __name__ == "__main__":
    main()
