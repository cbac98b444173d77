"""Lung-RADS v2022: the rows of its table that go by texture, size and growth."""

from __future__ import annotations

from nodulus.app.guidelines.advice import Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.lung_rads_categories import Category, lung_rads_ruling
from nodulus.app.guidelines.rounding import to_tenths, to_whole

_VOLUME_MM3 = {4: 34, 6: 113, 8: 268, 10: 524, 15: 1767, 30: 14137}
"""Lung-RADS's own volumes for its diameters in mm."""


def below(answers: Answers, limit_mm: int, part: str = "") -> bool:
    """Whether a size is below a limit, by volume where one is known, else by mean diameter."""
    if answers.known(f"{part}volume_mm3"):
        return to_whole(answers.number(f"{part}volume_mm3")) < _VOLUME_MM3[limit_mm]
    return to_tenths(answers.number(f"{part}mean_diameter_mm")) < limit_mm


def by_size(answers: Answers) -> tuple[Ruling, ...]:
    """The rows for a nodule of no special kind."""
    texture, status = answers.choice("texture"), answers.choice("status")
    if answers.choice("cyst") == "cavitary nodule":
        texture = "solid"
    if texture == "ground-glass":
        return _ground_glass(answers, status)
    if status == "slowly growing":
        return (lung_rads_ruling("4B", f"{texture} nodule that grows slowly over several scans"),)
    if status in ("stable", "smaller"):
        return unchanged(answers)
    if texture == "solid":
        return (_solid(answers, status),)
    return _part_solid(answers, status)


def _ground_glass(answers: Answers, status: str) -> tuple[Ruling, ...]:
    if below(answers, 30):
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
        if below(answers, limit):
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
    if below(answers, 6):
        if status == "baseline":
            return (lung_rads_ruling("2", "part-solid nodule below 6 mm, baseline"),)
        small = "new part-solid nodule below 6 mm"
        if below(answers, 4, "solid_"):
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
        if below(answers, limit, "solid_"):
            return (
                lung_rads_ruling(
                    category, f"part-solid nodule of 6 mm or more, solid part below {limit} mm"
                ),
            )
    return (lung_rads_ruling("4B", "part-solid nodule with a solid part of 8 mm or more"),)


def _changed_solid_part(answers: Answers) -> Ruling:
    if below(answers, 4, "solid_"):
        return lung_rads_ruling("4A", "new or growing solid part below 4 mm")
    return lung_rads_ruling("4B", "new or growing solid part of 4 mm or more")


def unchanged(answers: Answers) -> tuple[Ruling, ...]:
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
