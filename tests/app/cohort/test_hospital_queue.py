"""The simulated queue waits as queueing theory says."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "hospital_queue.py"


@pytest.fixture(scope="module")
def script() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def erlang_c(workers: int, offered: float) -> float:
    """Share of arrivals that must wait (Erlang's C formula, Cooper, Queueing Theory, 1981)."""
    top = offered**workers / math.factorial(workers) * workers / (workers - offered)
    return top / (sum(offered**k / math.factorial(k) for k in range(workers)) + top)


@pytest.mark.parametrize(("workers", "offered"), [(1, 0.6), (3, 2.1), (8, 6.5)])
def test_waits_are_those_of_theory(script: SimpleNamespace, workers: int, offered: float) -> None:
    rng = np.random.default_rng(3)
    mean_s, count = 10.0, 200_000
    arrived = np.cumsum(rng.exponential(mean_s / offered, count))
    takes = rng.exponential(mean_s, count)
    waited = script.results_after(arrived, takes, workers) - takes
    share = erlang_c(workers, offered)
    assert np.mean(waited > 1e-6) == pytest.approx(share, rel=0.03)
    assert waited.mean() == pytest.approx(share * mean_s / (workers - offered), rel=0.08)


def test_workers_take_the_first_that_waits(script: SimpleNamespace) -> None:
    after = script.results_after([0, 1, 2, 30], [10, 10, 10, 10], 2)
    assert after.tolist() == [10, 10, 18, 10]


def test_arrivals_follow_the_hours(script: SimpleNamespace) -> None:
    hours = [0.0] * 23 + [1.0]
    drawn = script.arrivals(np.random.default_rng(0), 50, 100, hours)
    assert len(drawn) == pytest.approx(5000, rel=0.05)
    assert np.all(np.diff(drawn) >= 0)
    assert set(np.floor(drawn / 3600).astype(int) % 24) == {23}


def test_a_table_of_a_cohort_gives_the_times(script: SimpleNamespace, tmp_path: Path) -> None:
    table = tmp_path / "studies.csv"
    table.write_text("study,status,wall_s\na,done,4.5\nb,refused,0.1\nc,done,6\n")
    assert script.read_times(table) == [4.5, 6.0]
    more = script.simulate([4.5, 6.0], 2000, 1, 5, seed=1)
    fewer = script.simulate([4.5, 6.0], 2000, 4, 5, seed=1)
    assert more.load == pytest.approx(4 * fewer.load)
    assert more.p95_s > fewer.p95_s >= fewer.median_s >= 4.5
