"""Brock (PanCan) probability that a nodule is cancer.

McWilliams A et al., N Engl J Med 2013;369:910-919, table 2: four models, simple and full, each
without and with spiculation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.risk import RiskEstimate, risk_range
from nodulus.app.result import TextureName

SOURCE = "McWilliams et al., N Engl J Med 2013;369:910-919, table 2"
BrockModel = Literal["1a", "1b", "2a", "2b"]
_SIZE_CENTRE = 1.58113883
"""(4 mm / 10) ** -0.5: sizes are centred on 4 mm."""


@dataclass(frozen=True)
class _Coefficients:
    constant: float
    female: float
    size: float
    upper_lobe: float
    age: float = 0.0
    family_history: float = 0.0
    emphysema: float = 0.0
    ground_glass: float = 0.0
    part_solid: float = 0.0
    nodule_count: float = 0.0
    spiculated: float = 0.0


_MODELS: dict[BrockModel, _Coefficients] = {
    "1a": _Coefficients(-6.5929, 0.5806, -5.8616, 0.6439),
    "1b": _Coefficients(-6.6144, 0.6467, -5.5537, 0.6009, spiculated=0.9309),
    "2a": _Coefficients(
        -6.8071, 0.5635, -5.6693, 0.7116, 0.0321, 0.3013, 0.3462, -0.3005, 0.3395, -0.0803
    ),
    "2b": _Coefficients(
        -6.7892, 0.6011, -5.3854, 0.6581, 0.0287, 0.2961, 0.2953, -0.1276, 0.3770, -0.0824, 0.7729
    ),
}


@dataclass(frozen=True)
class BrockInputs:
    """What the models ask for; None where it is not known.

    Args:
        diameter_mm: largest transverse diameter of the nodule.
        female: the patient is a woman.
        upper_lobe: the nodule lies in an upper lobe.
        age_years: the patient's age.
        family_history: lung cancer in a first-degree relative.
        emphysema: seen on the CT.
        texture: the nodule's.
        nodule_count: nodules in the scan.
        spiculated: the nodule's margin is spiculated.
        lymphadenopathy: hilar or mediastinal; the models are not valid with it.
    """

    diameter_mm: float | None
    female: bool | None = None
    upper_lobe: bool | None = None
    age_years: float | None = None
    family_history: bool | None = None
    emphysema: bool | None = None
    texture: TextureName | None = None
    nodule_count: int | None = None
    spiculated: bool | None = None
    lymphadenopathy: bool | None = None


def brock_model_for(inputs: BrockInputs) -> BrockModel:
    """The fullest of the four models whose inputs are known.

    Without a judgement of spiculation it is a model without that term: "not known" is not "no".
    """
    full = all(
        value is not None
        for value in (
            inputs.age_years,
            inputs.family_history,
            inputs.emphysema,
            inputs.texture,
            inputs.nodule_count,
        )
    )
    if inputs.spiculated is None:
        return "2a" if full else "1a"
    return "2b" if full else "1b"


def brock(inputs: BrockInputs, model: BrockModel | None = None) -> RiskEstimate:
    """The probability of cancer by Brock's models.

    Args:
        inputs: what is known.
        model: one of the four; None takes :func:`brock_model_for`.

    Raises:
        ValueError: the diameter, age or count is not positive.
    """
    for name in ("diameter_mm", "age_years", "nodule_count"):
        value = getattr(inputs, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value}.")
    chosen = model or brock_model_for(inputs)
    name = f"Brock {chosen}"
    if inputs.lymphadenopathy:
        return RiskEstimate(
            name, SOURCE, None, None, not_applicable="not valid with enlarged lymph nodes"
        )
    terms = _MODELS[chosen]
    estimate = risk_range(name, SOURCE, lambda answers: _log_odds(answers, terms), inputs, _CHOICES)
    if inputs.lymphadenopathy is None:
        return estimate.doubting("not valid with enlarged hilar or mediastinal lymph nodes")
    return estimate


_FLAGS = ("female", "upper_lobe", "family_history", "emphysema", "spiculated")
_CHOICES = {
    **dict.fromkeys(_FLAGS, (False, True)),
    "texture": ("solid", "part-solid", "ground-glass"),
}


def _log_odds(answers: Answers, terms: _Coefficients) -> float:
    size = math.pow(answers.number("diameter_mm") / 10.0, -0.5) - _SIZE_CENTRE
    total = terms.constant + terms.size * size
    for name in _FLAGS:
        weight: float = getattr(terms, name)
        if weight:
            total += weight * answers.flag(name)
    if terms.age:
        total += terms.age * (answers.number("age_years") - 62.0)
    if terms.nodule_count:
        total += terms.nodule_count * (answers.number("nodule_count") - 4.0)
    if terms.part_solid:
        texture = answers.choice("texture")
        total += {"part-solid": terms.part_solid, "ground-glass": terms.ground_glass}.get(
            texture, 0.0
        )
    return total
