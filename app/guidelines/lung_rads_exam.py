"""Lung-RADS v2022: the category of a whole screening CT.

American College of Radiology, Lung-RADS v2022 assessment categories and notes, November 2022.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nodulus.app.guidelines.advice import Advice, Alternative, Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.decide import decide
from nodulus.app.guidelines.lung_rads import lung_rads_nodule
from nodulus.app.guidelines.lung_rads_categories import (
    GUIDELINE,
    ORDER,
    SOURCE,
    category_rank,
    lung_rads_ruling,
)
from nodulus.app.guidelines.lung_rads_input import LungRadsNodule


@dataclass(frozen=True)
class LungRadsExam:
    """What the category of a whole scan depends on; None where it is not known.

    Args:
        round: the first scan or a later one.
        known_lung_cancer: the patient has one: this is no screening any longer.
        prior_compared: an earlier scan was at hand and was compared.
        lungs_complete: all of the lungs can be judged.
        inflammation: findings that suggest infection or inflammation (note 10): a segmental or
            lobar consolidation, more than six new nodules, a solid nodule of 8 mm or more that
            appeared in a short time, new nodules in an immunocompromised patient.
        significant_other_finding: one that is not lung cancer: modifier S, which replaces no
            category. Not known, no modifier is given.
    """

    round: Literal["baseline", "follow-up"] | None = None
    known_lung_cancer: bool | None = None
    prior_compared: bool | None = None
    lungs_complete: bool | None = None
    inflammation: bool | None = None
    significant_other_finding: bool | None = None


_EXAM_CHOICES = {
    "round": ("baseline", "follow-up"),
    **dict.fromkeys(("prior_compared", "lungs_complete", "inflammation"), (False, True)),
}
_OF_NODULES = Ruling("of the nodules", "", "")


def lung_rads_exam(nodules: tuple[LungRadsNodule, ...], exam: LungRadsExam) -> Advice:
    """The category of a screening CT: that of its most suspicious nodule.

    Args:
        nodules: all of them; none gives category 1.
        exam: what else it depends on.
    """
    if exam.known_lung_cancer:
        return Advice(
            GUIDELINE, SOURCE, None, not_applicable="not for patients with a known lung cancer"
        )
    advice = [lung_rads_nodule(nodule) for nodule in nodules]
    best = _most_suspicious(advice)

    def rule(answers: Answers) -> tuple[Ruling, ...]:
        return (_incomplete(answers) or best or _OF_NODULES,)

    whole = decide(GUIDELINE, SOURCE, rule, exam, _EXAM_CHOICES)
    if whole.ruling is not None and whole.ruling.category == "0":
        return _with_modifier(whole, exam)
    missing = (*whole.missing, *(name for one in advice for name in one.missing))
    alternatives = [
        alternative for alternative in whole.alternatives if alternative.ruling is not _OF_NODULES
    ]
    for one in advice:
        alternatives += [
            possible
            for possible in one.alternatives or (Alternative("", one.ruling),)
            if best is None or possible.ruling is None or _rank(possible.ruling) > _rank(best)
        ]
    ruling = None if whole.ruling is _OF_NODULES else whole.ruling
    return _with_modifier(
        replace(
            whole,
            ruling=ruling,
            alternatives=_one_of_each(alternatives),
            missing=tuple(dict.fromkeys(missing)),
        ),
        exam,
    )


def _one_of_each(alternatives: list[Alternative]) -> tuple[Alternative, ...]:
    """The first alternative of each category."""
    first: dict[str, Alternative] = {}
    for one in alternatives:
        first.setdefault(one.ruling.category if one.ruling else one.condition, one)
    return tuple(first.values())


def _incomplete(answers: Answers) -> Ruling | None:
    if answers.choice("round") == "follow-up" and not answers.flag("prior_compared"):
        return lung_rads_ruling("0", "an earlier CT is to be compared first")
    if not answers.flag("lungs_complete"):
        return lung_rads_ruling("0", "part of the lungs cannot be judged")
    if answers.flag("inflammation"):
        return lung_rads_ruling("0", "findings that suggest infection or inflammation (note 10)")
    return None


def _most_suspicious(advice: list[Advice]) -> Ruling | None:
    """The ruling that no unknown input can surpass; None where one could."""
    certain = [one.ruling for one in advice if one.ruling is not None]
    if not any(ruling.category in ORDER for ruling in certain):
        only = "no nodule that Lung-RADS classifies" if advice else "no nodule"
        return lung_rads_ruling("1", only) if len(certain) == len(advice) else None
    best = max(certain, key=_rank)
    surpassed = (
        alternative.ruling is None or _rank(alternative.ruling) > _rank(best)
        for one in advice
        if one.ruling is None
        for alternative in one.alternatives
    )
    return None if any(surpassed) else best


def _rank(ruling: Ruling) -> int:
    return category_rank(ruling.category)


def _with_modifier(advice: Advice, exam: LungRadsExam) -> Advice:
    """The advice with modifier S where there is another significant finding."""
    if not exam.significant_other_finding:
        return advice

    def modified(ruling: Ruling | None) -> Ruling | None:
        if ruling is None:
            return None
        return replace(
            ruling,
            category=f"{ruling.category}S",
            management=f"{ruling.management}; and what the other finding needs",
        )

    return replace(
        advice,
        ruling=modified(advice.ruling),
        alternatives=tuple(
            replace(alternative, ruling=modified(alternative.ruling))
            for alternative in advice.alternatives
        ),
    )
