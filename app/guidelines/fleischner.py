"""Fleischner Society 2017: follow-up of nodules that a CT shows by chance.

MacMahon H et al., Radiology 2017;284:228-243.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nodulus.app.guidelines.advice import Advice, Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.decide import decide
from nodulus.app.result import TextureName

GUIDELINE = "Fleischner 2017"
SOURCE = "MacMahon et al., Radiology 2017;284:228-243"
_SMALL_MM, _LARGE_MM = 6, 8
_SMALL_MM3, _LARGE_MM3 = 100, 250
_YOUNGEST = 35

Size = Literal["small", "medium", "large"]


@dataclass(frozen=True)
class FleischnerNodule:
    """One nodule; None where something is not known.

    Where a volume is given it counts, with the limits 100 and 250 mm3, and the diameter does not.

    Args:
        texture: the nodule's.
        mean_diameter_mm: mean of long and short axis to whole mm
            (:func:`.rounding.mean_diameter_whole_mm`).
        volume_mm3: of the nodule.
        solid_mean_diameter_mm: of the solid part of a part-solid nodule, to whole mm.
        lymph_node_form: at a fissure or the pleura, triangular or oval, lentiform in other planes,
            with a fine septum; neither spiculated nor displacing the fissure.
    """

    texture: TextureName | None
    mean_diameter_mm: int | None = None
    volume_mm3: float | None = None
    solid_mean_diameter_mm: int | None = None
    lymph_node_form: bool | None = None


@dataclass(frozen=True)
class FleischnerPatient:
    """Whom the guideline is for; None where something is not known.

    Args:
        age_years: it is not for people below 35.
        high_risk: of cancer, 5 % or more (ACCP intermediate and high).
        immunosuppressed: it is not for them.
        known_cancer: nor for them.
        screening: nor for a screening CT.
    """

    age_years: float | None = None
    high_risk: bool | None = None
    immunosuppressed: bool | None = None
    known_cancer: bool | None = None
    screening: bool | None = None


_NONE = "no routine follow-up"
_SOLID_LARGE = "consider CT at 3 months, PET/CT, or tissue sampling"
_SOLID: dict[tuple[bool, bool, Size], tuple[str, str]] = {
    (False, False, "small"): (_NONE, _NONE),
    (False, True, "small"): ("optional CT at 12 months",) * 2,
    (False, False, "medium"): (
        "CT at 6-12 months",
        "CT at 6 to 12 months, then consider CT at 18 to 24 months",
    ),
    (False, True, "medium"): (
        "CT at 6-12 months",
        "CT at 6 to 12 months, then CT at 18 to 24 months",
    ),
    (False, False, "large"): ("CT at 3 months, PET/CT or tissue", _SOLID_LARGE),
    (False, True, "large"): ("CT at 3 months, PET/CT or tissue", _SOLID_LARGE),
    (True, False, "small"): (_NONE, _NONE),
    (True, True, "small"): ("optional CT at 12 months",) * 2,
    **{
        (True, risk, size): ("CT at 3-6 months", f"CT at 3 to 6 months, then {then}")
        for risk, then in (
            (False, "consider CT at 18 to 24 months"),
            (True, "CT at 18 to 24 months"),
        )
        for size in ("medium", "large")
    },
}
"""Category and management by (several nodules, high risk, size)."""


def fleischner_size(answers: Answers) -> Size:
    """Below 6 mm, 6 to 8 mm, above 8 mm; below 100, 100 to 250, above 250 mm3."""
    if answers.known("volume_mm3"):
        value, small, large = answers.number("volume_mm3"), _SMALL_MM3, _LARGE_MM3
    else:
        value, small, large = answers.number("mean_diameter_mm"), _SMALL_MM, _LARGE_MM
    if value < small:
        return "small"
    return "medium" if value <= large else "large"


@dataclass(frozen=True)
class _Case:
    """One nodule with what the rows ask of the patient."""

    texture: TextureName | None
    mean_diameter_mm: int | None
    volume_mm3: float | None
    solid_mean_diameter_mm: int | None
    lymph_node_form: bool | None
    high_risk: bool | None
    several: bool | None


_CHOICES = {
    "texture": ("solid", "part-solid", "ground-glass"),
    "lymph_node_form": (False, True),
    "high_risk": (False, True),
    "several": (False, True),
}


def fleischner(
    nodules: tuple[FleischnerNodule, ...], patient: FleischnerPatient
) -> tuple[Advice, ...]:
    """What the guideline advises, an answer for each nodule in the rows for one or several.

    Of several nodules the most suspicious one guides; which that is, is the reader's to say.

    Args:
        nodules: all of them.
        patient: whom they belong to.
    """
    return tuple(fleischner_nodule(one, patient, len(nodules) > 1) for one in nodules)


def fleischner_nodule(
    nodule: FleischnerNodule, patient: FleischnerPatient, several: bool | None
) -> Advice:
    """What the guideline advises for one nodule.

    Args:
        nodule: the nodule.
        patient: whose it is.
        several: whether there are others; None where that is not known.
    """
    refusal = _not_applicable(patient)
    if refusal is not None:
        return Advice(GUIDELINE, SOURCE, None, not_applicable=refusal)
    case = _Case(
        nodule.texture,
        nodule.mean_diameter_mm,
        nodule.volume_mm3,
        nodule.solid_mean_diameter_mm,
        nodule.lymph_node_form,
        patient.high_risk,
        several,
    )
    advice = decide(GUIDELINE, SOURCE, lambda answers: (_ruling(answers),), case, _CHOICES)
    return replace(advice, unknown_applicability=unknown_of_patient(patient))


def unknown_of_patient(patient: FleischnerPatient) -> tuple[str, ...]:
    """What must be known before the guideline applies at all."""
    names = ("age_years", "immunosuppressed", "known_cancer", "screening")
    return tuple(name for name in names if getattr(patient, name) is None)


def _not_applicable(patient: FleischnerPatient) -> str | None:
    if patient.age_years is not None and patient.age_years < _YOUNGEST:
        return f"not for people below {_YOUNGEST}"
    for refused, words in (
        (patient.immunosuppressed, "immunosuppressed people"),
        (patient.known_cancer, "patients with a known cancer"),
        (patient.screening, "screening CT"),
    ):
        if refused:
            return f"not for {words}"
    return None


def _ruling(answers: Answers) -> Ruling:
    texture = answers.choice("texture")
    if texture == "solid" and answers.flag("lymph_node_form"):
        return Ruling(_NONE, _NONE, "form of a lymph node at a fissure or the pleura")
    several = answers.flag("several")
    number = "several nodules" if several else "one nodule"
    size = fleischner_size(answers)
    if texture == "solid":
        risk = answers.flag("high_risk") if _risk_matters(several, size) else False
        category, management = _SOLID[several, risk, size]
        return Ruling(category, management, f"solid, {number}, {_RANGE[size]}")
    row = f"{texture}, {number}, {_RANGE[size] if size == 'small' else '6 mm or more'}"
    if several:
        then = (
            "then consider CT at 2 and 4 years"
            if size == "small"
            else "then by the most suspicious nodule"
        )
        return Ruling("CT at 3-6 months", f"CT at 3 to 6 months, {then}", row)
    if size == "small":
        if texture == "ground-glass":
            return Ruling(_NONE, f"{_NONE}; where suspicious, consider CT at 2 and 4 years", row)
        return Ruling(_NONE, _NONE, row)
    if texture == "ground-glass":
        return Ruling(
            "CT at 6-12 months", "CT at 6 to 12 months, then every 2 years until 5 years", row
        )
    return _part_solid(answers, row)


def _part_solid(answers: Answers, row: str) -> Ruling:
    persistent = (
        "yearly CT for 5 years if unchanged"
        if answers.number("solid_mean_diameter_mm") < _SMALL_MM
        else "a solid part of 6 mm or more that persists is highly suspicious: PET/CT, biopsy or"
        " resection"
    )
    return Ruling("CT at 3-6 months", f"CT at 3 to 6 months; {persistent}", row)


def _risk_matters(several: bool, size: Size) -> bool:
    return _SOLID[several, False, size] != _SOLID[several, True, size]


_RANGE: dict[Size, str] = {
    "small": "below 6 mm",
    "medium": "6 to 8 mm",
    "large": "above 8 mm",
}
