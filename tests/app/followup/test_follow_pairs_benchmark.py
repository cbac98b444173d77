"""The rows and tables of benchmarks/follow_pairs.py, on cases whose answer is known."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nodulus.app.followup.result import NoduleChange, NoduleOnScan

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def modules():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield SimpleNamespace(
            rows=importlib.import_module("follow_pairs"),
            tables=importlib.import_module("follow_pairs_tables"),
        )


def finding(number, center=(0.0, 0.0, 0.0)):
    return SimpleNamespace(id=number, center_lps_mm=center)


def on_scan(number, center=(0.0, 0.0, 0.0)):
    return NoduleOnScan(
        finding_id=number, center_lps_mm=center, volume_mm3=268.0, mean_diameter_mm=8.0,
        longest_diameter_mm=8.0,
    )  # fmt: skip


def truth(**changes):
    known = {
        f"{scan}_{name}": value
        for scan in ("prior", "current")
        for name, value in (
            ("label", "1"), ("diameter_mm", "8.0"), ("center_x_lps_mm", "0"),
            ("center_y_lps_mm", "0"), ("center_z_lps_mm", "0"),
        )
    }  # fmt: skip
    return known | changes


@pytest.mark.parametrize(
    ("prior", "current", "wanted"),
    [(1, 2, "matched"), (3, 2, "wrong"), (1, 4, "wrong"), (None, 2, "not matched")],
)
def test_what_a_nodule_of_both_scans_was_matched_with(modules, prior, current, wanted):
    change = NoduleChange(
        state="no proven change",
        prior=None if prior is None else on_scan(prior),
        current=on_scan(current),
    )
    assert modules.rows.outcome(change, finding(1), finding(2)) == wanted
    assert modules.rows.outcome(change, None, finding(2)) == "not on both"


@pytest.mark.parametrize(
    ("center", "label", "wanted"),
    [((0.0, 0.0, 7.0), "1", False), ((0.0, 0.0, 9.0), "1", True), ((0.0, 0.0, 0.0), "", True)],
    ids=["found off its centre", "elsewhere", "not there at all"],
)
def test_a_nodule_of_one_scan_alone_is_matched_with_nothing_else(modules, center, label, wanted):
    change = NoduleChange(state="grown", prior=on_scan(1, center), current=on_scan(2))
    row = truth(prior_label=label)
    assert modules.rows.is_stray(change, None, finding(2), row) is wanted
    alone = NoduleChange(state="new", current=on_scan(2))
    assert not modules.rows.is_stray(alone, None, finding(2), row)


def row(**changes):
    return {
        "true_prior_mm3": "100.0", "true_current_mm3": "200.0", "prior_mm3": "150.0",
        "current_mm3": "300.0", "days": "100", "shortest_days": "", "longest_days": "",
    } | changes  # fmt: skip


def test_a_bias_of_both_scans_is_no_error_of_their_ratio(modules):
    assert modules.tables.log_error(row()) == pytest.approx(0.0)
    assert modules.tables.log_error(row(current_mm3="330")) == pytest.approx(math.log(1.1))


def test_the_coefficient_is_that_of_the_measurements(modules):
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 0.08, (2, 20000))
    assert modules.tables.coefficient(noise[0] - noise[1]) == pytest.approx(0.08, rel=0.03)
    part = (noise[0] - noise[1])[:1000]
    low, high = modules.tables.interval(part)
    assert low < modules.tables.coefficient(part) < high
    # Of normal errors the standard error of a deviation is that over sqrt(2 n).
    assert high - low == pytest.approx(2 * 1.96 * 0.08 / math.sqrt(2000), rel=0.15)


@pytest.mark.parametrize(
    ("shortest", "longest", "held"),
    [("90", "120", True), ("90", "", True), ("101", "", False), ("60", "99", False),
     ("", "", False)],
)  # fmt: skip
def test_an_interval_holds_the_true_doubling_time(modules, shortest, longest, held):
    """The truth: doubled in 100 days; without an end growth may be none, or shrinking."""
    told = row(shortest_days=shortest, longest_days=longest)
    assert modules.tables.holds_truth(told) is held


def test_an_interval_that_shrinks_holds_what_shrank(modules):
    shrank = row(true_current_mm3="60.0")
    assert modules.tables.holds_truth(shrank)
    assert modules.tables.holds_truth(shrank | {"shortest_days": "400"})
    assert not modules.tables.holds_truth(shrank | {"shortest_days": "400", "longest_days": "900"})
