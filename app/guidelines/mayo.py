"""Mayo Clinic probability that a solitary pulmonary nodule is cancer.

Swensen SJ et al., Arch Intern Med 1997;157:849-855.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.risk import RiskEstimate, risk_range

SOURCE = "Swensen et al., Arch Intern Med 1997;157:849-855"
_NAME = "Mayo"
_CONSTANT = -6.8272
_AGE = 0.0391
_DIAMETER = 0.1274
_FLAGS = {
    "ever_smoker": 0.7917,
    "extrathoracic_cancer_over_5_years_ago": 1.3388,
    "spiculated": 1.0407,
    "upper_lobe": 0.7838,
}
_SIZES_MM = (4.0, 30.0)


@dataclass(frozen=True)
class MayoInputs:
    """What the model asks for; None where it is not known.

    Args:
        diameter_mm: of the nodule; the model was made on 4 to 30 mm.
        age_years: the patient's age.
        ever_smoker: smokes or has smoked.
        extrathoracic_cancer_over_5_years_ago: a cancer outside the chest, diagnosed more than five
            years ago.
        spiculated: the nodule's margin is spiculated.
        upper_lobe: the nodule lies in an upper lobe.
        cancer_within_5_years: any cancer in the last five years: the model is not for it.
        lung_cancer_before: a lung cancer at any time: the model is not for it.
    """

    diameter_mm: float | None
    age_years: float | None = None
    ever_smoker: bool | None = None
    extrathoracic_cancer_over_5_years_ago: bool | None = None
    spiculated: bool | None = None
    upper_lobe: bool | None = None
    cancer_within_5_years: bool | None = None
    lung_cancer_before: bool | None = None


def _log_odds(answers: Answers) -> float:
    total = _CONSTANT + _AGE * answers.number("age_years")
    total += _DIAMETER * answers.number("diameter_mm")
    return total + sum(weight * answers.flag(name) for name, weight in _FLAGS.items())


def mayo(inputs: MayoInputs) -> RiskEstimate:
    """The probability of cancer by the Mayo model, or its range where inputs are unknown."""
    refusal = _not_applicable(inputs)
    if refusal:
        return RiskEstimate(_NAME, SOURCE, None, None, not_applicable=refusal)
    estimate = risk_range(_NAME, SOURCE, _log_odds, inputs, dict.fromkeys(_FLAGS, (False, True)))
    unknown = [
        words
        for words, value in (
            ("a cancer in the last five years", inputs.cancer_within_5_years),
            ("an earlier lung cancer", inputs.lung_cancer_before),
        )
        if value is None
    ]
    return estimate.doubting("not valid with " + " or ".join(unknown) if unknown else None)


def _not_applicable(inputs: MayoInputs) -> str | None:
    if inputs.cancer_within_5_years:
        return "not for patients with a cancer in the last five years"
    if inputs.lung_cancer_before:
        return "not for patients with an earlier lung cancer"
    low, high = _SIZES_MM
    if inputs.diameter_mm is not None and not low <= inputs.diameter_mm <= high:
        return f"made on nodules of {low:g} to {high:g} mm"
    return None
