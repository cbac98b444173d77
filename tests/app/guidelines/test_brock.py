"""The Brock model against its published probabilities."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nodulus.app.guidelines.brock import BrockInputs, brock, brock_model_for

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
