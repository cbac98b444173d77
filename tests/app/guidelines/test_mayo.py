"""The Mayo model against its published table."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from nodulus.app.guidelines.mayo import mayo
from tests.app.guidelines.mayo_cases import mayo_inputs

# Swensen 1997, table 3: probabilities for 10, 20 and 30 mm, to two decimals.
MAYO_TABLE = [
    ((35, 0, 0, 0, 0), (0.02, 0.05, 0.16)),
    ((55, 0, 0, 0, 0), (0.03, 0.11, 0.30)),
    ((75, 0, 0, 0, 0), (0.07, 0.21, 0.48)),
    ((75, 1, 1, 1, 1), (0.79, 0.93, 0.98)),
    ((55, 1, 0, 0, 0), (0.07, 0.21, 0.48)),
    ((35, 1, 1, 1, 1), (0.44, 0.74, 0.91)),
]


@pytest.mark.parametrize(
    ("features", "diameter", "expected"),
    [
        (features, diameter, value)
        for features, values in MAYO_TABLE
        for diameter, value in zip((10, 20, 30), values, strict=True)
    ],
)
def test_mayo_gives_the_published_table(features, diameter, expected):
    estimate = mayo(mayo_inputs(*features, diameter))
    assert estimate.probability == pytest.approx(expected, abs=0.0056)
    assert not estimate.needs_reader


def test_mayo_of_unknown_features_is_the_range_over_all_of_them():
    known = mayo_inputs(60, 0, 0, 0, 1, 12)
    estimate = mayo(replace(known, ever_smoker=None, spiculated=None))
    every = [
        mayo(mayo_inputs(60, smoker, 0, spiculated, 1, 12)).probability
        for smoker, spiculated in itertools.product((0, 1), repeat=2)
    ]
    assert (estimate.low, estimate.high) == (min(every), max(every))
    assert estimate.missing == ("ever_smoker", "spiculated")


@pytest.mark.parametrize(
    "other",
    [{"cancer_within_5_years": True}, {"lung_cancer_before": True}, {"diameter_mm": 31.0}],
)
def test_mayo_is_not_for_everyone(other):
    estimate = mayo(mayo_inputs(60, 0, 0, 0, 1, 12, **other))
    assert estimate.not_applicable
    assert estimate.probability is None


def test_mayo_says_what_must_be_ruled_out():
    assert (
        "earlier lung cancer"
        in mayo(mayo_inputs(60, 0, 0, 0, 1, 12, lung_cancer_before=None)).doubt
    )
