"""Hours, bytes and dollars of a cohort, by hand."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "scaling_plan.py"


@pytest.fixture(scope="module")
def script() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def costs(script: SimpleNamespace, **other: float) -> Any:
    given = {
        "cpu_s": 4.5, "read_mb": 50.0, "written_mb": 2.0, "start_s": 10.0, "busy": 0.9,
        "core_hour": 0.036, "gb_month": 0.02,
    }  # fmt: skip
    return script.Costs(**(given | other))


def test_one_core_takes_all_the_time(script: SimpleNamespace) -> None:
    one = script.plan(costs(script), 7198, 1)
    assert one.hours == pytest.approx(10.0)  # 7,198 studies of 5 s, and 10 s
    assert one.studies_a_s == pytest.approx(0.2)
    assert one.gigabits_a_s == pytest.approx(0.2 * 0.4)
    assert one.dollars == pytest.approx(0.36)


def test_more_cores_cost_their_starts_and_what_waits_for_the_last(script: SimpleNamespace) -> None:
    few, many = (script.plan(costs(script), 10_000, n) for n in (100, 10_000))
    assert many.hours == pytest.approx(15.0 / 3600)
    assert few.hours == pytest.approx(510.0 / 3600)
    assert many.dollars == pytest.approx(3 * 10_000 * 5.0 / 3600 * 0.036)
    assert script.plan(costs(script), 50, 100).dollars == pytest.approx(50 * 15.0 / 3600 * 0.036)


def test_a_thousand_studies_cost_their_core_hours(script: SimpleNamespace) -> None:
    assert costs(script).price_of_1000() == pytest.approx(1000 * 5.0 / 3600 * 0.036)
    assert costs(script, core_hour=0.072).price_of_1000() == pytest.approx(0.1)


def test_studies_that_failed_are_left_out(script: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "studies.csv"
    path.write_text("status,cpu_s\ndone,4.0\nfailed,90.0\ndone,6.0\n", encoding="utf-8")
    assert script.read_cpu_s(path) == [4.0, 6.0]
