from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from nodulus.app.guidelines.brock import BrockInputs, brock, brock_model_for
from nodulus.app.guidelines.herder import herder
from nodulus.app.guidelines.mayo import MayoInputs, mayo
from nodulus.app.guidelines.risk import RiskEstimate

CASES = list(csv.DictReader((Path(__file__).parent / "brock_cases.csv").open()))
KNOWN = {
    "diameter_mm": 10.0,
    "female": True,
    "upper_lobe": True,
    "age_years": 60.0,
    "family_history": False,
    "emphysema": False,
    "texture": "solid",
    "nodule_count": 1,
    "spiculated": False,
    "lymphadenopathy": False,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['diameter_mm']}-{case['model']}")
def test_brock_gives_the_published_probability(case):
    inputs = BrockInputs(
        diameter_mm=float(case["diameter_mm"]),
        age_years=float(case["age_years"]),
        texture=case["texture"],
        nodule_count=int(case["nodule_count"]),
        **{
            name: case[name] == "1"
            for name in ("female", "family_history", "emphysema", "upper_lobe", "spiculated")
        },
        lymphadenopathy=False,
    )
    estimate = brock(inputs, model=case["model"])
    assert estimate.probability * 100 == pytest.approx(float(case["percent"]), abs=6e-5)
    assert not estimate.needs_reader


@pytest.mark.parametrize(
    ("unknown", "model"),
    [
        ((), "2b"),
        (("spiculated",), "2a"),
        (("emphysema",), "1b"),
        (("family_history",), "1b"),
        (("age_years",), "1b"),
        (("texture",), "1b"),
        (("nodule_count",), "1b"),
        (("emphysema", "spiculated"), "1a"),
    ],
)
def test_brock_takes_the_fullest_model_that_is_known(unknown, model):
    inputs = BrockInputs(**{**KNOWN, **dict.fromkeys(unknown)})
    assert brock_model_for(inputs) == model
    assert brock(inputs).model == f"Brock {model}"
    assert brock(inputs).probability is not None


def test_brock_of_an_unknown_lobe_is_a_range_and_not_a_no():
    estimate = brock(BrockInputs(**{**KNOWN, "upper_lobe": None}))
    assert estimate.probability is None
    assert estimate.missing == ("upper_lobe",)
    assert estimate.low == brock(BrockInputs(**{**KNOWN, "upper_lobe": False})).probability
    assert estimate.high == brock(BrockInputs(**KNOWN)).probability


def test_brock_without_a_diameter_has_no_probability():
    estimate = brock(BrockInputs(**{**KNOWN, "diameter_mm": None}))
    assert (estimate.low, estimate.high) == (None, None)
    assert "diameter_mm" in estimate.missing


def test_brock_and_enlarged_nodes():
    assert brock(BrockInputs(**{**KNOWN, "lymphadenopathy": True})).not_applicable
    unknown = brock(BrockInputs(**{**KNOWN, "lymphadenopathy": None}))
    assert unknown.needs_reader
    assert unknown.probability == brock(BrockInputs(**KNOWN)).probability


@pytest.mark.parametrize("name", ["diameter_mm", "age_years", "nodule_count"])
def test_brock_refuses_what_is_not_positive(name):
    with pytest.raises(ValueError, match=name):
        brock(BrockInputs(**{**KNOWN, name: 0}))


# Swensen 1997, table 3: probabilities for 10, 20 and 30 mm, to two decimals.
MAYO_TABLE = [
    ((35, 0, 0, 0, 0), (0.02, 0.05, 0.16)),
    ((55, 0, 0, 0, 0), (0.03, 0.11, 0.30)),
    ((75, 0, 0, 0, 0), (0.07, 0.21, 0.48)),
    ((75, 1, 1, 1, 1), (0.79, 0.93, 0.98)),
    ((55, 1, 0, 0, 0), (0.07, 0.21, 0.48)),
    ((35, 1, 1, 1, 1), (0.44, 0.74, 0.91)),
]


def mayo_inputs(age, smoker, cancer, spiculated, upper, diameter, **other) -> MayoInputs:
    return MayoInputs(
        **{
            "diameter_mm": diameter,
            "age_years": age,
            "ever_smoker": bool(smoker),
            "extrathoracic_cancer_over_5_years_ago": bool(cancer),
            "spiculated": bool(spiculated),
            "upper_lobe": bool(upper),
            "cancer_within_5_years": False,
            "lung_cancer_before": False,
            **other,
        }
    )


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


@pytest.mark.parametrize(
    ("uptake", "expected"),
    [("none", 0.0189), ("faint", 0.1644), ("moderate", 0.6613), ("intense", 0.6949)],
)
def test_herder_after_mayo(uptake, expected):
    before = mayo(mayo_inputs(62, 1, 0, 0, 1, 12))
    assert before.probability == pytest.approx(0.2144, abs=6e-5)
    assert herder(before, uptake).probability == pytest.approx(expected, abs=6e-5)


def test_herder_of_a_given_probability():
    given = RiskEstimate("Mayo", "", 0.187, 0.187)
    assert herder(given, "intense").probability == pytest.approx(0.673, abs=6e-4)


def test_herder_without_pet_is_a_range():
    estimate = herder(mayo(mayo_inputs(62, 1, 0, 0, 1, 12)), None)
    assert (estimate.low, estimate.high) == pytest.approx((0.0189, 0.6949), abs=6e-5)
    assert estimate.missing == ("uptake",)


def test_herder_is_for_whom_mayo_is():
    assert herder(
        mayo(mayo_inputs(62, 1, 0, 0, 1, 12, lung_cancer_before=True)), "none"
    ).not_applicable
