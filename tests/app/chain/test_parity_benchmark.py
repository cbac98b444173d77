"""The benchmark of parity pairs findings and compares their probabilities."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "parity.py"


@pytest.fixture(scope="module")
def script() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def found(x: float, nodule: float, malignancy: float = 0.5) -> SimpleNamespace:
    return SimpleNamespace(
        center_lps_mm=(x, 0.0, 0.0), nodule_probability=nodule, malignancy_probability=malignancy
    )


def test_findings_at_the_same_place_are_pairs(script: SimpleNamespace) -> None:
    row = script.compare(
        [found(0, 0.9), found(0.9, 0.5, 0.3)], [found(0.8, 0.51, 0.29), found(0.1, 0.9)]
    )
    assert row.alone == ()
    assert row.nodule == pytest.approx(0.01)
    assert row.malignancy == pytest.approx(0.01)
    assert row.same


def test_a_finding_has_one_partner_at_most(script: SimpleNamespace) -> None:
    row = script.compare([found(0, 0.9), found(0.2, 0.8)], [found(0.1, 0.9), found(5, 0.07)])
    assert row.alone == (0.8, 0.07)
    assert not row.same
    assert script.compare([found(0, 0.1)], []).alone == (0.1,)
    assert script.compare([], []).same


def test_probabilities_too_far_apart_are_not_the_same(script: SimpleNamespace) -> None:
    assert not script.compare([found(0, 0.9)], [found(0, 0.87)]).same
    assert not script.compare([found(0, 0.9, 0.5)], [found(0, 0.9, 0.53)]).same
    rows = [script.compare([found(0, 0.9)], [found(0, p)]) for p in (0.9, 0.8)]
    assert script.markdown(rows).startswith("1 of 2 studies")
