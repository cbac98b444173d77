"""British Thoracic Society 2015: nodules at first sight and on follow-up.

Callister MEJ et al., Thorax 2015;70(Suppl 2):ii1-ii54. The limits here were read in secondary
sources that print its tables; the 10 mm of the lymph node's form were not confirmed in either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nodulus.app.guidelines.advice import Advice, Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.decide import decide
from nodulus.app.result import TextureName

GUIDELINE = "BTS 2015"
SOURCE = "Callister et al., Thorax 2015;70(Suppl 2):ii1-ii54"
_ADULT = 18
BROCK_LIMIT = 0.10
HERDER_LIMITS = 0.10, 0.70
GROWTH_SHARE = 0.25
"""Growth in volume that counts."""
FAST_DAYS, SLOW_DAYS = 400, 600
"""Volume doubling times that call for work-up, and that do not."""

Growth = Literal["resolved", "stable", "growing", "new solid part"]


@dataclass(frozen=True)
class BtsNodule:
    """A nodule at first sight; None where something is not known.

    Where a volume is given it counts, and the diameter does not.

    Args:
        texture: the nodule's.
        maximum_diameter_mm: this guideline uses the largest diameter, not a mean.
        volume_mm3: of the nodule.
        benign_calcification_or_fat: diffuse, central, laminated or popcorn calcium, or fat.
        lymph_node_form: at a fissure or the pleura, below 10 mm, within 10 mm of it, homogeneous,
            smooth, solid, lentiform or triangular.
        brock_probability: of cancer, by :func:`.brock.brock`.
        herder_probability: of cancer after PET-CT, by :func:`.herder.herder`.
        age_years: the guideline is for adults.
    """

    texture: TextureName | None
    maximum_diameter_mm: float | None = None
    volume_mm3: float | None = None
    benign_calcification_or_fat: bool | None = None
    lymph_node_form: bool | None = None
    brock_probability: float | None = None
    herder_probability: float | None = None
    age_years: float | None = None


@dataclass(frozen=True)
class BtsFollowUp:
    """A nodule on a later CT; None where something is not known.

    Args:
        texture: the nodule's.
        months: since the first CT, by the plan: 3, 12, 24 or 48.
        volumetry: both sizes are volumes by the same software; without it diameters are compared.
        growth_share: (volume now - before) / before; by diameters the same of the diameter's cube.
        doubling_days: the volume doubling time where it grew.
        change: of a sub-solid nodule.
        suspicious_form: of a sub-solid nodule.
        brock_probability: of cancer.
    """

    texture: TextureName | None
    months: Literal[3, 12, 24, 48]
    volumetry: bool | None = None
    growth_share: float | None = None
    doubling_days: float | None = None
    change: Growth | None = None
    suspicious_form: bool | None = None
    brock_probability: float | None = None


_CHOICES = {
    "texture": ("solid", "part-solid", "ground-glass"),
    "benign_calcification_or_fat": (False, True),
    "lymph_node_form": (False, True),
    "volumetry": (False, True),
    "change": ("resolved", "stable", "growing", "new solid part"),
    "suspicious_form": (False, True),
}


def bts(nodule: BtsNodule) -> Advice:
    """What the guideline advises for a nodule at first sight."""
    if nodule.age_years is not None and nodule.age_years < _ADULT:
        return Advice(GUIDELINE, SOURCE, None, not_applicable="for adults")
    return decide(GUIDELINE, SOURCE, lambda answers: (_first(answers),), nodule, _CHOICES)


def bts_follow_up(nodule: BtsFollowUp) -> Advice:
    """What the guideline advises for a nodule on a later CT."""
    return decide(GUIDELINE, SOURCE, lambda answers: (_later(answers),), nodule, _CHOICES)


def _below(answers: Answers, mm: float, mm3: float | None) -> bool:
    """Whether a size is below a limit; a limit without a volume is one of diameters alone."""
    if answers.known("volume_mm3"):
        return mm3 is not None and answers.number("volume_mm3") < mm3
    return answers.number("maximum_diameter_mm") < mm


def _first(answers: Answers) -> Ruling:
    if answers.flag("benign_calcification_or_fat"):
        return _discharge("calcium in a benign pattern, or fat")
    solid = answers.choice("texture") == "solid"
    if solid and answers.flag("lymph_node_form"):
        return _discharge("form of a lymph node at a fissure or the pleura")
    if _below(answers, 5, 80):
        return _discharge("below 5 mm or 80 mm3")
    if not solid:
        return Ruling("CT at 3 months", "CT at 3 months", "sub-solid, 5 mm or more")
    if not answers.known("volume_mm3") and _below(answers, 6, None):
        return Ruling("CT at 12 months", "CT at 12 months", "solid, 5 to below 6 mm")
    if _below(answers, 8, 300):
        return Ruling("CT at 3 months", "CT at 3 months", "solid, below 8 mm or 300 mm3")
    return _large_solid(answers)


def _large_solid(answers: Answers) -> Ruling:
    if answers.number("brock_probability") < BROCK_LIMIT:
        return Ruling(
            "CT at 3 months", "CT at 3 months", "solid, 8 mm or 300 mm3 or more, Brock below 10 %"
        )
    row = "solid, 8 mm or 300 mm3 or more, Brock 10 % or more"
    if not answers.known("herder_probability"):
        return Ruling("PET-CT", "PET-CT, then Herder's probability", row)
    herder = answers.number("herder_probability")
    if herder < HERDER_LIMITS[0]:
        return Ruling("CT surveillance", "CT surveillance", f"{row}, Herder below 10 %")
    if herder <= HERDER_LIMITS[1]:
        return Ruling(
            "biopsy",
            "image-guided biopsy; excision or surveillance by risk and preference",
            f"{row}, Herder 10 to 70 %",
        )
    return Ruling(
        "excision",
        "excision or other treatment, with or without biopsy",
        f"{row}, Herder over 70 %",
    )


def _discharge(row: str) -> Ruling:
    return Ruling("discharge", "no follow-up", row)


def _later(answers: Answers) -> Ruling:
    if answers.choice("texture") == "solid":
        return _later_solid(answers)
    return _later_subsolid(answers)


def _work_up(row: str) -> Ruling:
    return Ruling("work-up", "further work-up: biopsy, PET-CT or excision", row)


def _later_solid(answers: Answers) -> Ruling:
    grew = answers.number("growth_share") >= GROWTH_SHARE
    if answers.number("months") <= 3:
        if grew:
            slow = answers.number("doubling_days") > FAST_DAYS
            doubt = "grown by 25 % or more, but doubles in more than 400 days" if slow else None
            return replace(_work_up("grown by 25 % or more at 3 months"), doubt=doubt)
        return Ruling("CT at 12 months", "CT one year after the first", "stable at 3 months")
    if grew:
        days = answers.number("doubling_days")
        if days <= FAST_DAYS:
            return _work_up("doubles within 400 days")
        if days <= SLOW_DAYS:
            return Ruling(
                "biopsy or surveillance",
                "biopsy or further CT by preference",
                "doubles in 400 to 600 days",
            )
        return Ruling(
            "discharge or surveillance",
            "discharge, or further CT by preference",
            "doubles in more than 600 days",
        )
    if answers.flag("volumetry") or answers.number("months") >= 24:
        return _discharge("stable by volume at one year, or by diameter at two")
    return Ruling(
        "CT at 24 months", "CT two years after the first", "stable by diameter at one year"
    )


def _later_subsolid(answers: Answers) -> Ruling:
    change = answers.choice("change")
    if change == "resolved":
        return _discharge("resolved")
    if change in ("growing", "new solid part"):
        return Ruling(
            "resection favoured",
            "resection or other treatment favoured; biopsy or observation by preference",
            "grown by 2 mm or more, or a solid part new or larger",
        )
    if answers.number("months") >= 48:
        return _discharge("stable over four years")
    if answers.flag("suspicious_form") or answers.number("brock_probability") >= BROCK_LIMIT:
        return Ruling(
            "observe, biopsy or resect",
            "discuss observation, biopsy or resection",
            "stable, Brock 10 % or more or of suspicious form",
        )
    return Ruling(
        "CT at 1, 2 and 4 years", "CT 1, 2 and 4 years after the first", "stable, Brock below 10 %"
    )
