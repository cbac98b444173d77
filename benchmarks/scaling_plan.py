"""What a cohort takes of cores, network and money: python benchmarks/scaling_plan.py STUDIES.

STUDIES is ``studies.csv`` of ``nodulus cohort``: its processor time a study (``cpu_s``) is what a
study costs, on the mean. All else are parameters, prices among them: they are assumptions, to be
replaced by those of the machines at hand.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOUR_S = 3600.0


@dataclass(frozen=True)
class Costs:
    """What a study costs, and what is paid for it.

    Args:
        cpu_s: core-seconds.
        read_mb: bytes read, in 10^6.
        written_mb: bytes of its result, in 10^6.
        start_s: core-seconds until a worker can begin.
        busy: share of a core's time in which it works on studies.
        core_hour: price of a core with its memory, in dollars.
        gb_month: price of 10^9 bytes kept for a month, in dollars.
    """

    cpu_s: float
    read_mb: float
    written_mb: float
    start_s: float
    busy: float
    core_hour: float
    gb_month: float

    def price_of_1000(self) -> float:
        """Dollars for the processors of a thousand studies."""
        return 1000 * self.cpu_s / self.busy / HOUR_S * self.core_hour


@dataclass(frozen=True)
class Plan:
    """A cohort on a number of cores.

    Args:
        cores: one worker each.
        hours: from start to end.
        studies_a_s: that end each second.
        gigabits_a_s: read from storage.
        dollars: for the processors, start included.
    """

    cores: int
    hours: float
    studies_a_s: float
    gigabits_a_s: float
    dollars: float


def plan(costs: Costs, studies: int, cores: int) -> Plan:
    """Say what a cohort takes where nothing but the cores limits it.

    Args:
        costs: of a study.
        studies: in all.
        cores: that work.
    """
    rounds = -(-studies // cores)
    seconds = costs.start_s + rounds * costs.cpu_s / costs.busy
    rate = min(cores, studies) * costs.busy / costs.cpu_s
    return Plan(
        cores,
        seconds / HOUR_S,
        rate,
        rate * costs.read_mb * 8 / 1000,
        min(cores, studies) * seconds / HOUR_S * costs.core_hour,
    )


def read_cpu_s(path: Path) -> list[float]:
    """The core-seconds of each study of a cohort that is done."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [float(row["cpu_s"]) for row in rows if row["status"] == "done"]


def table(costs: Costs, studies: int, cores: Sequence[int]) -> list[str]:
    """The plans as a table in Markdown."""
    lines = [
        "| cores | hours | studies a second | read, Gbit/s | processors, $ |",
        "|---|---|---|---|---|",
    ]
    rows = [
        f"| {one.cores:,} | {one.hours:,.2f} | {one.studies_a_s:,.2f} | {one.gigabits_a_s:,.2f}"
        f" | {one.dollars:,.2f} |"
        for one in (plan(costs, studies, number) for number in cores)
    ]
    return lines + rows


def main() -> None:
    """Print the plans."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("studies", type=Path, help="studies.csv of nodulus cohort")
    parser.add_argument("--count", type=int, default=1_000_000, help="studies of the cohort")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 100, 10_000])
    parser.add_argument("--read-mb", type=float, default=100.0, help="of a study")
    parser.add_argument("--written-mb", type=float, default=2.0, help="of its result")
    parser.add_argument("--start-s", type=float, default=12.0, help="core-seconds of a start")
    parser.add_argument("--busy", type=float, default=0.9, help="share of the time")
    parser.add_argument("--core-hour", type=float, default=0.04, help="dollars")
    parser.add_argument("--gb-month", type=float, default=0.023, help="dollars")
    given = parser.parse_args()
    found = read_cpu_s(given.studies)
    if not found:
        raise SystemExit(f"{given.studies}: no study of it is done")
    costs = Costs(
        statistics.mean(found), given.read_mb, given.written_mb, given.start_s, given.busy,
        given.core_hour, given.gb_month,
    )  # fmt: skip
    print(f"{len(found)} studies, {costs.cpu_s:.2f} core-seconds on the mean")
    print(f"A thousand studies: {costs.price_of_1000():.3f} dollars for the processors")
    images, results = (given.count * mb / 1e6 for mb in (given.read_mb, given.written_mb))
    print(
        f"{given.count:,} studies: {images:,.1f} TB of images read, {results:,.1f} TB of results,"
        f" {1000 * results * given.gb_month:,.0f} dollars a month to keep the results"
    )
    print("\n".join(table(costs, given.count, given.cores)))


if __name__ == "__main__":
    main()
