"""The answer that a report gives first: what each guideline asks for of a study, at the most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from nodulus.app.guidance import AdviceRecord, Guidance, RulingRecord

_URGENCY: dict[str, tuple[str, ...]] = {
    "NELSON": ("negative", "indeterminate", "positive"),
    "Fleischner 2017": (
        "no routine follow-up",
        "optional CT at 12 months",
        "CT at 6-12 months",
        "CT at 3-6 months",
        "CT at 3 months, PET/CT or tissue",
    ),
    "BTS 2015": (
        "discharge",
        "CT at 12 months",
        "CT at 3 months",
        "CT surveillance",
        "PET-CT",
        "biopsy",
        "excision",
    ),
}
"""By guideline, its categories from the least that it asks for to the most."""
_NOT_CLASSIFIED = "not classified"
MOST_CATEGORIES = 3
"""So many categories that are possible are named one by one."""
AT_BASELINE = "At a baseline screening, where a reader sees nothing that changes the category"
AT_SCREENING = "If it is a screening CT"


@dataclass(frozen=True)
class Answer:
    """What a guideline asks for, of the whole CT or of the finding that asks for the most.

    Args:
        guideline: its name.
        screening: whether it is one for screening CT.
        possible: the rulings that what is known leaves possible, one a category; a single one is
            certain.
        finding_id: which finding it rests on; None for the whole CT.
        missing: inputs that would settle it.
        unknown_applicability: inputs without which it may not be for this patient.
        doubts: why a reader must decide.
        not_applicable: why it is not for this patient.
        unsettled: a number is missing by which still other rulings are possible.
        screening_unknown: it is one for screening CT, and whether this is one is not known.
        condition: under which `conditional` holds, `AT_BASELINE` or `AT_SCREENING`.
        conditional: the answer that what was measured gives under it; None where there is none.
    """

    guideline: str
    screening: bool
    possible: tuple[RulingRecord, ...]
    finding_id: int | None
    missing: tuple[str, ...] = ()
    unknown_applicability: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    not_applicable: str | None = None
    unsettled: bool = False
    screening_unknown: bool = False
    condition: str = ""
    conditional: Answer | None = None

    @property
    def needs_reader(self) -> bool:
        """Whether a person must decide, or supply something."""
        if self.not_applicable:
            return False
        is_open = self.unknown_applicability or self.doubts or self.screening_unknown
        return not self.is_certain or bool(is_open)

    @property
    def ends(self) -> tuple[str, str]:
        """The categories that ask for the least and for the most, without "not classified"."""
        ordered = [one.category for one in self.possible if one.category != _NOT_CLASSIFIED]
        return ordered[0], ordered[-1]

    @property
    def is_certain(self) -> bool:
        """Whether one ruling applies whatever is unknown."""
        return len(self.possible) == 1 and not self.unsettled


def answers(guidance: Guidance | None) -> tuple[Answer, ...]:
    """Give what each guideline asks for of a study, as if every finding were a nodule.

    Lung-RADS has a category of the whole CT. Of the others that of the finding counts which asks
    for the most, by what is certain; where what is unknown could make another one ask for more,
    all that is possible from there on is given.

    Args:
        guidance: of the study; None where there is none.
    """
    if guidance is None:
        return ()
    is_known = any(fact.name == "screening" for fact in guidance.facts)
    of_exam: tuple[Answer, ...] = ()
    if guidance.exam is not None:
        of_exam = (_of_exam(guidance, guidance.exam, screening_known=is_known),)
    names = dict.fromkeys(
        advice.guideline
        for finding in guidance.findings
        for advice in finding.advice
        if advice.guideline in _URGENCY
    )
    found = (*of_exam, *(_at_the_most(guidance, name) for name in names))
    return tuple(one if is_known or not one.screening else _not_assessed(one) for one in found)


def _of_exam(guidance: Guidance, exam: AdviceRecord, *, screening_known: bool) -> Answer:
    """The answer of the whole CT; where it says too little, what was measured gives beside it."""
    whole = _answer(exam, None)
    says_enough = whole.is_certain or (screening_known and len(whole.possible) <= MOST_CATEGORIES)
    if guidance.baseline is None or whole.not_applicable or says_enough:
        return whole
    conditional = _answer(guidance.baseline, guidance.baseline_finding)
    return replace(whole, condition=AT_BASELINE, conditional=conditional)


def _not_assessed(answer: Answer) -> Answer:
    """The answer of a guideline for screening where it is not known whether this is one."""
    if answer.not_applicable:
        return answer
    if answer.conditional is None:
        answer = replace(answer, condition=AT_SCREENING, conditional=answer)
    return replace(answer, screening_unknown=True)


def _answer(advice: AdviceRecord, finding_id: int | None) -> Answer:
    rulings = _possible(advice)
    return Answer(
        advice.guideline,
        advice.guideline not in ("Fleischner 2017", "BTS 2015"),
        rulings,
        finding_id,
        advice.missing,
        advice.unknown_applicability,
        tuple(dict.fromkeys(ruling.doubt for ruling in rulings if ruling.doubt)),
        advice.not_applicable,
        _is_unsettled(advice),
    )


def _is_unsettled(advice: AdviceRecord) -> bool:
    return any(one.ruling is None for one in advice.alternatives)


def _possible(advice: AdviceRecord) -> tuple[RulingRecord, ...]:
    rulings = [advice.ruling, *(one.ruling for one in advice.alternatives)]
    by_category: dict[str, RulingRecord] = {}
    for ruling in rulings:
        if ruling is not None:
            by_category.setdefault(ruling.category, ruling)
    return tuple(by_category[category] for category in sorted(by_category))


def _at_the_most(guidance: Guidance, guideline: str) -> Answer:
    """The finding that asks for the most, with all that others could still ask for above that."""
    each = [
        _answer(advice, finding.finding_id)
        for finding in guidance.findings
        for advice in finding.advice
        if advice.guideline == guideline
    ]
    applicable = [one for one in each if not one.not_applicable]
    if not applicable:
        return each[0]
    rank = _rank(guideline)
    floor = max(min(map(rank, one.possible), default=0) for one in applicable)
    first = max(applicable, key=lambda one: max(map(rank, one.possible), default=0))
    above: dict[str, RulingRecord] = {}
    for one in (first, *applicable):
        for ruling in one.possible:
            if rank(ruling) >= floor:
                above.setdefault(ruling.category, ruling)
    unsettled = [one for one in applicable if one.unsettled]
    asked = [one for one in applicable if any(rank(r) > floor for r in one.possible)]
    asked = [*asked, *unsettled] if len(above) > 1 else unsettled
    return Answer(
        guideline,
        first.screening,
        tuple(sorted(above.values(), key=rank)),
        first.finding_id,
        tuple(dict.fromkeys(name for one in asked for name in one.missing)),
        first.unknown_applicability,
        first.doubts,
        unsettled=bool(unsettled),
    )


def _rank(guideline: str) -> Callable[[RulingRecord], int]:
    """How much a ruling of a guideline asks for; what is not in its list asks for nothing."""
    order = _URGENCY[guideline]
    return lambda ruling: order.index(ruling.category) if ruling.category in order else 0
