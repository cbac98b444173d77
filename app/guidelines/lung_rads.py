"""Lung-RADS v2022: the category of a nodule.

American College of Radiology, Lung-RADS v2022 assessment categories and notes, November 2022.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nodulus.app.guidelines.advice import Advice, Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.decide import decide
from nodulus.app.guidelines.rounding import to_tenths, to_whole
from nodulus.app.result import TextureName

GUIDELINE = "Lung-RADS v2022"
SOURCE = "American College of Radiology, Lung-RADS v2022, November 2022"

Category = Literal["0", "1", "2", "3", "4A", "4B", "4X"]
Status = Literal["baseline", "new", "stable", "smaller", "growing", "slowly growing"]
Airway = Literal["none", "subsegmental", "segmental or more proximal"]
Cyst = Literal[
    "none",
    "cavitary nodule",
    "thin-walled",
    "fluid-filled",
    "multiple",
    "thick-walled",
    "multilocular",
]
CystChange = Literal[
    "none",
    "growing cystic part",
    "growing wall or nodularity",
    "became multilocular",
    "growing",
    "more loculation or opacity",
]
ORDER: tuple[Category, ...] = ("1", "2", "3", "4A", "4B", "4X")

_VOLUME_MM3 = {4: 34, 6: 113, 8: 268, 10: 524, 15: 1767, 30: 14137}
"""Lung-RADS's own volumes for its diameters in mm."""
GROWTH_MM = 1.5
"""More than this in mean diameter within twelve months is growth."""
_YEAR_DAYS = 366

_MANAGEMENT: dict[str, str] = {
    "0": "complete the examination: prior CT, more images, or low-dose CT in 1 to 3 months",
    "1": "low-dose CT in 12 months",
    "2": "low-dose CT in 12 months",
    "3": "low-dose CT in 6 months",
    "4A": "low-dose CT in 3 months; PET/CT where the solid part is 8 mm or more",
    "4B": "diagnostic CT, PET/CT where 8 mm or more, tissue sampling, or referral",
    "4X": "diagnostic CT, PET/CT where 8 mm or more, tissue sampling, or referral",
}


@dataclass(frozen=True)
class LungRadsNodule:
    """One nodule on a screening CT; None where something is not known.

    A size is either a diameter or a volume; where both are given the volume counts, and the limit
    is Lung-RADS's own volume for its diameter.

    Args:
        status: what the comparison with earlier scans says; ``baseline`` on a first scan.
        texture: the nodule's.
        mean_diameter_mm: mean of long and short axis (:func:`.rounding.mean_diameter_mm`).
        volume_mm3: of the whole nodule.
        solid_mean_diameter_mm: of the solid part of a part-solid nodule.
        solid_volume_mm3: of that part.
        solid_part_changed: the solid part is new or grows.
        previous_category: what the scan before gave this nodule.
        interval_reached: the interval that the previous category asked for has passed.
        benign_calcification: complete, central, popcorn or concentric rings.
        fat: in the nodule.
        juxtapleural: solid, smooth, at the pleura or a fissure; oval, lentiform or triangular.
        airway: in which airway it lies.
        airway_air_without_soft_tissue: what lies in a segmental airway holds air and no soft
            tissue: secretions.
        cyst: the kind of cyst, if any. A cavitary nodule is one whose wall dominates.
        cyst_change: what is new about the cyst.
        spiculated: the margin is.
        lymphadenopathy: enlarged nodes that cancer would explain.
        metastasis: frank metastatic disease.
        doubled_in_a_year: a ground-glass nodule doubled within a year.
        proven_benign: by work-up.
    """

    status: Status | None
    texture: TextureName | None = None
    mean_diameter_mm: float | None = None
    volume_mm3: float | None = None
    solid_mean_diameter_mm: float | None = None
    solid_volume_mm3: float | None = None
    solid_part_changed: bool | None = None
    previous_category: Category | None = None
    interval_reached: bool | None = None
    benign_calcification: bool | None = None
    fat: bool | None = None
    juxtapleural: bool | None = None
    airway: Airway | None = None
    airway_air_without_soft_tissue: bool | None = None
    cyst: Cyst | None = None
    cyst_change: CystChange | None = None
    spiculated: bool | None = None
    lymphadenopathy: bool | None = None
    metastasis: bool | None = None
    doubled_in_a_year: bool | None = None
    proven_benign: bool | None = None

    def __post_init__(self) -> None:
        for name in (
            "mean_diameter_mm",
            "volume_mm3",
            "solid_mean_diameter_mm",
            "solid_volume_mm3",
        ):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must not be negative, but is {value}.")


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


def lung_rads_nodule(nodule: LungRadsNodule) -> Advice:
    """The category of one nodule, or every category that its unknown inputs leave possible."""
    return decide(GUIDELINE, SOURCE, _rulings, nodule, _CHOICES)


def lung_rads_growth(
    before_mm: float, now_mm: float, interval_days: float
) -> tuple[Literal["growing", "stable", "smaller"] | None, str]:
    """Whether a mean diameter has grown, with the reason.

    More than 1.5 mm within twelve months is growth. Over a longer interval the rule is not defined:
    the answer is None, and each twelve months must be compared. The volume of a sphere of 1.5 mm
    in the table is no limit for growth in volume.

    Args:
        before_mm: mean diameter on the earlier scan.
        now_mm: mean diameter now.
        interval_days: between the two.

    Raises:
        ValueError: the interval is not positive.
    """
    if not interval_days > 0:
        raise ValueError(f"The interval must be positive, not {interval_days} days.")
    change = round(to_tenths(now_mm) - to_tenths(before_mm), 1)
    if change < -GROWTH_MM:
        return "smaller", f"{-change:.1f} mm smaller in mean diameter"
    if change <= GROWTH_MM:
        return "stable", f"changed by {change:+.1f} mm, not more than {GROWTH_MM} mm"
    if interval_days > _YEAR_DAYS:
        return None, (
            f"{change:+.1f} mm in {interval_days:.0f} days: growth is defined within twelve months;"
            " compare with the scans between"
        )
    return "growing", f"{change:+.1f} mm in mean diameter within twelve months"


def lung_rads_ruling(category: str, rule: str, doubt: str | None = None) -> Ruling:
    """A category with what Lung-RADS advises for it.

    Args:
        category: one of its categories, or a word for what it does not classify.
        rule: the row that applied.
        doubt: why a reader must decide.
    """
    return Ruling(category, _MANAGEMENT.get(category, "none by this guideline"), rule, doubt)


def _below(answers: Answers, limit_mm: int, part: str = "") -> bool:
    """Whether a size is below a limit, by volume where one is known, else by mean diameter."""
    if answers.known(f"{part}volume_mm3"):
        return to_whole(answers.number(f"{part}volume_mm3")) < _VOLUME_MM3[limit_mm]
    return to_tenths(answers.number(f"{part}mean_diameter_mm")) < limit_mm


def _rulings(answers: Answers) -> tuple[Ruling, ...]:
    """The rows of the table that apply to a nodule, from the benign down."""
    if answers.flag("benign_calcification"):
        return (lung_rads_ruling("1", "calcified in a benign pattern"),)
    if answers.flag("fat"):
        return (lung_rads_ruling("1", "holds fat"),)
    special = _airway(answers) or _cyst(answers) or _juxtapleural(answers)
    rulings = special or _by_size(answers)
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
        return _unchanged(answers)
    return (lung_rads_ruling("4A", f"{cyst} cyst"),)


def _juxtapleural(answers: Answers) -> tuple[Ruling, ...]:
    if answers.choice("status") not in ("baseline", "new"):
        return ()
    if answers.choice("texture") != "solid" or not answers.flag("juxtapleural"):
        return ()
    if not _below(answers, 10):
        return ()
    return (lung_rads_ruling("2", "smooth solid juxtapleural nodule below 10 mm"),)


def _by_size(answers: Answers) -> tuple[Ruling, ...]:
    texture, status = answers.choice("texture"), answers.choice("status")
    if answers.choice("cyst") == "cavitary nodule":
        texture = "solid"
    if texture == "ground-glass":
        return _ground_glass(answers, status)
    if status == "slowly growing":
        return (lung_rads_ruling("4B", f"{texture} nodule that grows slowly over several scans"),)
    if status in ("stable", "smaller"):
        return _unchanged(answers)
    if texture == "solid":
        return (_solid(answers, status),)
    return _part_solid(answers, status)


def _ground_glass(answers: Answers, status: str) -> tuple[Ruling, ...]:
    if _below(answers, 30):
        return (lung_rads_ruling("2", "ground-glass nodule below 30 mm"),)
    if status in ("stable", "smaller", "slowly growing"):
        return (
            lung_rads_ruling("2", "ground-glass nodule of 30 mm or more, stable or slowly growing"),
        )
    if status == "growing":
        doubt = "the table has no row for a growing ground-glass nodule of 30 mm or more"
        return (lung_rads_ruling("3", "ground-glass nodule of 30 mm or more, growing", doubt),)
    return (lung_rads_ruling("3", f"ground-glass nodule of 30 mm or more, {status}"),)


_Row = tuple[tuple[int, Category], ...]
_SOLID: dict[str, tuple[_Row, Category]] = {
    "baseline": (((6, "2"), (8, "3"), (15, "4A")), "4B"),
    "new": (((4, "2"), (6, "3"), (8, "4A")), "4B"),
    "growing": (((8, "4A"),), "4B"),
}
"""By status: the category below each mean diameter in mm, and the one from the last upwards."""


def _solid(answers: Answers, status: str) -> Ruling:
    rows, top = _SOLID[status]
    for limit, category in rows:
        if _below(answers, limit):
            return lung_rads_ruling(category, f"solid nodule below {limit} mm, {status}")
    return lung_rads_ruling(top, f"solid nodule of {rows[-1][0]} mm or more, {status}")


def _part_solid(answers: Answers, status: str) -> tuple[Ruling, ...]:
    if status == "growing":
        if answers.flag("solid_part_changed"):
            return (_changed_solid_part(answers),)
        doubt = "the table has no row for a part-solid nodule that grows without its solid part"
        return tuple(
            Ruling(row.category, row.management, row.rule, doubt)
            for row in _part_solid(answers, "baseline")
        )
    if _below(answers, 6):
        if status == "baseline":
            return (lung_rads_ruling("2", "part-solid nodule below 6 mm, baseline"),)
        small = "new part-solid nodule below 6 mm"
        if _below(answers, 4, "solid_"):
            return (lung_rads_ruling("3", small),)
        doubt = "a new part-solid nodule below 6 mm with a solid part of 4 mm meets 3 and 4B"
        return (
            lung_rads_ruling("3", small, doubt),
            lung_rads_ruling("4B", "new solid part of 4 mm or more", doubt),
        )
    if status == "new":
        return (_changed_solid_part(answers),)
    limits: _Row = ((6, "3"), (8, "4A"))
    for limit, category in limits:
        if _below(answers, limit, "solid_"):
            return (
                lung_rads_ruling(
                    category, f"part-solid nodule of 6 mm or more, solid part below {limit} mm"
                ),
            )
    return (lung_rads_ruling("4B", "part-solid nodule with a solid part of 8 mm or more"),)


def _changed_solid_part(answers: Answers) -> Ruling:
    if _below(answers, 4, "solid_"):
        return lung_rads_ruling("4A", "new or growing solid part below 4 mm")
    return lung_rads_ruling("4B", "new or growing solid part of 4 mm or more")


def _unchanged(answers: Answers) -> tuple[Ruling, ...]:
    """A nodule that did not grow steps down; sizes are not asked again (note 5)."""
    previous = answers.choice("previous_category")
    if previous in ("1", "2"):
        return (lung_rads_ruling("2", "stable or smaller, category 2 before"),)
    if previous in ("4B", "4X"):
        if answers.flag("proven_benign"):
            return (lung_rads_ruling("2", "category 4B, proven benign"),)
        return (lung_rads_ruling(previous, f"category {previous} until it is proven benign"),)
    if previous == "0":
        return _unchanged_after_incomplete(answers)
    if not answers.flag("interval_reached"):
        return (lung_rads_ruling(previous, f"category {previous}, its interval has not passed"),)
    if previous == "3":
        return (lung_rads_ruling("2", "category 3, stable or smaller at 6 months"),)
    return (lung_rads_ruling("3", "category 4A, stable or smaller at 3 months"),)


def _unchanged_after_incomplete(answers: Answers) -> tuple[Ruling, ...]:
    doubt = "the scan before was category 0: its nodules had no category"
    rulings = (
        (_solid(answers, "baseline"),)
        if answers.choice("texture") == "solid"
        else _part_solid(answers, "baseline")
    )
    return tuple(Ruling(row.category, row.management, row.rule, doubt) for row in rulings)


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
