"""Lung-RADS v2022: the category of a nodule.

American College of Radiology, Lung-RADS v2022 assessment categories and notes, November 2022.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from nodulus.app.guidelines.advice import Advice, Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.decide import decide
from nodulus.app.guidelines.lung_rads_categories import GUIDELINE, ORDER, SOURCE, lung_rads_ruling
from nodulus.app.guidelines.lung_rads_input import LungRadsNodule
from nodulus.app.guidelines.lung_rads_size import below, by_size, unchanged

_FLAGS = (
    "solid_part_changed",
    "interval_reached",
    "benign_calcification",
    "fat",
    "juxtapleural",
    "airway_air_without_soft_tissue",
    "spiculated",
    "lymphadenopathy",
    "metastasis",
    "doubled_in_a_year",
    "proven_benign",
)
_CHOICES = {
    **dict.fromkeys(_FLAGS, (False, True)),
    "status": ("baseline", "new", "stable", "smaller", "growing", "slowly growing"),
    "texture": ("solid", "part-solid", "ground-glass"),
    "previous_category": ORDER,
    "airway": ("none", "subsegmental", "segmental or more proximal"),
    "cyst": ("none", *("thin-walled", "thick-walled", "multilocular", "cavitary nodule")),
    "cyst_change": ("none", "growing wall or nodularity", "growing", "more loculation or opacity"),
}


@lru_cache(maxsize=512)
def lung_rads_nodule(nodule: LungRadsNodule) -> Advice:
    """The category of one nodule, or every category that its unknown inputs leave possible.

    Kept, for an examination's category asks for its nodules' again.
    """
    return decide(GUIDELINE, SOURCE, _rulings, nodule, _CHOICES)


def _rulings(answers: Answers) -> tuple[Ruling, ...]:
    """The rows of the table that apply to a nodule, from the benign down."""
    if answers.flag("benign_calcification"):
        return (lung_rads_ruling("1", "calcified in a benign pattern"),)
    if answers.flag("fat"):
        return (lung_rads_ruling("1", "holds fat"),)
    special = _airway(answers) or _cyst(answers) or _juxtapleural(answers)
    rulings = special or by_size(answers)
    return tuple(final for ruling in rulings for final in _suspicious(answers, ruling))


def _airway(answers: Answers) -> tuple[Ruling, ...]:
    airway, status = answers.choice("airway"), answers.choice("status")
    if airway == "none":
        return ()
    if airway == "subsegmental":
        if status in ("growing", "slowly growing"):
            doubt = "the table has no row for a growing subsegmental airway nodule"
            return (
                lung_rads_ruling("4A", "airway nodule, taken as one in a larger airway", doubt),
                lung_rads_ruling("2", "subsegmental airway nodule", doubt),
            )
        return (lung_rads_ruling("2", "subsegmental airway nodule"),)
    if answers.flag("airway_air_without_soft_tissue"):
        return (lung_rads_ruling("2", "air and no soft tissue in the airway: secretions"),)
    if status == "baseline":
        return (lung_rads_ruling("4A", "segmental or more proximal airway nodule at baseline"),)
    if status in ("stable", "growing", "slowly growing"):
        return (
            lung_rads_ruling("4B", "segmental or more proximal airway nodule, stable or growing"),
        )
    doubt = f"the table has no row for a segmental airway nodule that is {status}"
    return (
        lung_rads_ruling("4B", "airway nodule, taken as one that stays", doubt),
        lung_rads_ruling("4A", "airway nodule, taken as one at baseline", doubt),
    )


def _cyst(answers: Answers) -> tuple[Ruling, ...]:
    cyst = answers.choice("cyst")
    if cyst in ("none", "cavitary nodule"):
        return ()
    change = "none" if answers.choice("status") == "baseline" else answers.choice("cyst_change")
    if change == "became multilocular":
        return (lung_rads_ruling("4A", "cyst that became multilocular"),)
    if cyst in ("thin-walled", "fluid-filled", "multiple"):
        return (lung_rads_ruling("not classified", f"{cyst} cyst"),)
    if cyst == "thick-walled":
        rows = {
            "growing wall or nodularity": ("4B", "thick-walled cyst whose wall grows"),
            "growing cystic part": ("3", "thick-walled cyst whose cystic part grows"),
            "growing": ("4B", "thick-walled cyst that grows"),
        }
    else:
        rows = {
            "growing": ("4B", "multilocular cyst that grows"),
            "more loculation or opacity": ("4B", "multilocular cyst, more loculated or opaque"),
        }
    if change in rows:
        return (lung_rads_ruling(*rows[change]),)
    if answers.choice("status") in ("stable", "smaller"):
        return unchanged(answers)
    return (lung_rads_ruling("4A", f"{cyst} cyst"),)


def _juxtapleural(answers: Answers) -> tuple[Ruling, ...]:
    if answers.choice("status") not in ("baseline", "new"):
        return ()
    if answers.choice("texture") != "solid" or not answers.flag("juxtapleural"):
        return ()
    if not below(answers, 10):
        return ()
    return (lung_rads_ruling("2", "smooth solid juxtapleural nodule below 10 mm"),)


def _suspicious(answers: Answers, ruling: Ruling) -> tuple[Ruling, ...]:
    """Category 4X for a nodule of 3 or 4 with features that raise the suspicion (note 14)."""
    above = ruling.category in ("3", "4A", "4B")
    if above:
        for name in ("spiculated", "lymphadenopathy", "metastasis"):
            if answers.flag(name):
                words = f"{ruling.rule}; {name.replace('_', ' ')}"
                return (lung_rads_ruling("4X", words, ruling.doubt),)
    if not (_ground_glass_grows(answers) and answers.flag("doubled_in_a_year")):
        return (ruling,)
    doubled = lung_rads_ruling("4X", f"{ruling.rule}; doubled in a year", ruling.doubt)
    if above:
        return (doubled,)
    doubt = (
        "note 14 names a ground-glass nodule that doubled in a year; 4X asks for category 3 or 4"
    )
    return (replace(ruling, doubt=doubt), replace(doubled, doubt=doubt))


def _ground_glass_grows(answers: Answers) -> bool:
    if not answers.known("texture") or answers.choice("texture") != "ground-glass":
        return False
    return answers.choice("status") in ("growing", "slowly growing")
