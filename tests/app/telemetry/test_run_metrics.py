"""A run's numbers, as Prometheus's own parser reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nodulus.app.errors import NodulusError
from nodulus.app.telemetry.run_metrics import RunMetrics
from nodulus.app.telemetry.study_clock import StudyClock
from nodulus.app.telemetry.watcher import ITEM_ITSELF, End


def read(path: Path) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    return {
        (one.name, *(v for k, v in sorted(one.labels.items()) if k != "shard")): one.value
        for family in families
        for one in family.samples
    }


def test_items_and_studies_add_up(tmp_path: Path) -> None:
    path = tmp_path / "nodulus.prom"
    metrics = RunMetrics(path, "2/8")
    clock = StudyClock(metrics, "42")
    metrics.run_began({"items_to_do": 4, "items_done_before": 6}, 0.0)
    clock.begin("a", 0.0)
    clock.step("1", "read", 0.0)
    clock.outcome("1", End("done", None, 3, 5.0, 900.0), 8.0)
    clock.end(8.0)
    clock.begin("b", 8.0)
    clock.step("2", "lungs", 8.0)
    clock.cut(End(code="worker-died"), 9.0, again=True)
    clock.begin("b", 9.0)
    clock.step("2", "lungs", 9.0)
    clock.cut(End("failed", "worker-died"), 10.0, again=False)
    clock.begin("c", 10.0)
    clock.outcome(ITEM_ITSELF, End("refused", "no-images"), 11.0)
    clock.end(11.0)
    metrics.close()
    found = read(path)
    assert found["nodulus_cohort_items", "open"] == 1
    assert found["nodulus_cohort_items", "ended"] == 9
    assert found[("nodulus_cohort_items_again_total",)] == 1
    assert {k[1]: v for k, v in found.items() if k[0] == "nodulus_cohort_studies_total"} == {
        "done": 1, "failed": 1, "refused": 1,
    }  # fmt: skip
    assert found["nodulus_cohort_errors_total", "worker-died"] == 1
    assert found[("nodulus_cohort_study_seconds_count",)] == 2
    assert found[("nodulus_cohort_cpu_seconds_total",)] == 5.0
    assert found["nodulus_cohort_step_seconds_sum", "lungs"] == 2.0
    assert found[("nodulus_cohort_peak_mib",)] == 900.0
    assert 'shard="2/8"' in path.read_text(encoding="utf-8")
    metrics.run_ended({}, 0.0, 12.0)
    assert read(path)[("nodulus_cohort_running",)] == 0


def test_a_file_that_cannot_be_made_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match=r"nodulus\.prom"):
        RunMetrics(tmp_path / "missing" / "nodulus.prom", "1/1")


def test_a_disk_that_is_full_later_costs_no_study(tmp_path: Path) -> None:
    (tmp_path / "on").mkdir()
    metrics = RunMetrics(tmp_path / "on" / "nodulus.prom", "1/1")
    (tmp_path / "on" / "nodulus.prom").unlink()
    (tmp_path / "on").rmdir()
    metrics.run_began({}, 0.0)
    metrics.close()
