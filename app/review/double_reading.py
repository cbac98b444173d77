"""Two readers who do not see each other, and an adjudicator: what each is shown and may do.

The first two readers who decide on a study read it, each with a log of their own, which is closed
when they sign it off. Then their readings are put together: what both say holds, and where they
differ the adjudicator decides, in the log that all readers share otherwise. Until the adjudicator
signs the study off a reader sees their own reading, and an adjudicator only what the chain found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.result import StudyResult
from nodulus.app.review.entries import Entry, Outline, Rejection, Role
from nodulus.app.review.outlines import outline_dice
from nodulus.app.review.reading_rule import ReadingRule, reading_rule
from nodulus.app.review.review_state import (
    Difference,
    Opinions,
    ReviewedFinding,
    ReviewState,
    Start,
    chain_start,
    reviewed,
)

_FIRST = "first:"
"""Marks the log of a first reader; the name follows."""
READERS = 2

Stage = Literal["new", "in-progress", "signed-off", "read", "first-reads", "to-adjudicate"]
"""Of a study, for who asks: ``read`` is a reader's own signed-off reading before adjudication,
``first-reads`` a study that others have to read first."""

_ADJUDICATED = "The study is adjudicated."
_READ = "You have read this study; an adjudicator decides where its two readers differ."
_TAKEN = "This study has its two readers."
_FIRST_READS = "Two readers read this study first, each by themselves."


@dataclass(frozen=True)
class StudyLogs:
    """All logs of a study.

    Args:
        shared: of all readers, or of the adjudicator.
        first: of those who read it by themselves, by name, in the order in which they began.
        rule: how alike two readings are the same.
    """

    shared: tuple[Entry, ...] = ()
    first: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    rule: ReadingRule = field(default_factory=reading_rule)


@dataclass(frozen=True)
class FirstReads:
    """Two finished readings of a study.

    Args:
        names: of the readers.
        states: as each left it.
        start: both put together: where the adjudicator begins.
    """

    names: tuple[str, str]
    states: tuple[ReviewState, ReviewState]
    start: Start


@dataclass(frozen=True)
class View:
    """A study as somebody is shown it.

    Args:
        state: of the review.
        stage: of it.
        reading: names the log that holds it.
        entries: of that log.
        closed: why they may not decide; empty where they may.
        first_reads: for an adjudicator who may see them.
        is_final: whether the state is that of all readers, for exports.
    """

    state: ReviewState
    stage: Stage
    reading: str
    entries: tuple[Entry, ...]
    closed: str = ""
    first_reads: FirstReads | None = None
    is_final: bool = True


def first_reading(name: str) -> str:
    """Name the log of a first reader."""
    return _FIRST + name


def logs_by_reader(readings: Mapping[str, Sequence[Entry]], rule: ReadingRule) -> StudyLogs:
    """Tell the first readers' logs from the shared one.

    Args:
        readings: the logs by the names of their readings, in the order in which they were begun.
        rule: how alike two readings are the same.
    """
    first = {
        name.removeprefix(_FIRST): tuple(entries)
        for name, entries in readings.items()
        if name.startswith(_FIRST)
    }
    return StudyLogs(tuple(readings.get("", ())), first, rule)


def view_of(result: StudyResult, logs: StudyLogs, name: str, role: Role, *, blind: bool) -> View:
    """Give what somebody is shown of a study.

    A study that two readers have begun stays theirs, whatever `blind` says; one that was begun
    in the shared log stays there.

    Args:
        result: of the chain.
        logs: of the study.
        name: who asks.
        role: in which role.
        blind: whether studies are read by two readers.
    """
    if not logs.first and (logs.shared or not blind):
        state = reviewed(result, logs.shared)
        return View(state, state.status, "", logs.shared)
    both = first_reads(result, logs)
    adjudicates = role == "adjudicator" and name not in logs.first
    if both is not None:
        final = reviewed(result, logs.shared, both.start)
        if adjudicates:
            stage: Stage = "to-adjudicate" if final.status == "new" else final.status
            return View(final, stage, "", logs.shared, first_reads=both)
        if final.signed_off is not None:
            return View(final, "signed-off", "", logs.shared, _ADJUDICATED)
    own = logs.first.get(name, ())
    if adjudicates or (not own and len(logs.first) >= READERS):
        closed = _FIRST_READS if adjudicates else _TAKEN
        return View(reviewed(result, ()), "first-reads", "", (), closed, is_final=False)
    state = reviewed(result, own)
    is_read = state.signed_off is not None
    return View(
        state,
        "read" if is_read else state.status,
        first_reading(name),
        own,
        _READ if is_read else "",
        is_final=False,
    )


def final_state(result: StudyResult, logs: StudyLogs) -> ReviewState | None:
    """Give the state that all readers share; None while first readers or the adjudicator read.

    Args:
        result: of the chain.
        logs: of the study.
    """
    if not logs.first:
        return reviewed(result, logs.shared)
    both = first_reads(result, logs)
    if both is None:
        return None
    state = reviewed(result, logs.shared, both.start)
    return None if state.signed_off is None else state


def first_reads(result: StudyResult, logs: StudyLogs) -> FirstReads | None:
    """Put two readings together; None until two are signed off.

    Args:
        result: of the chain.
        logs: of the study.
    """
    states = {name: reviewed(result, entries) for name, entries in logs.first.items()}
    signed = [name for name, state in states.items() if state.signed_off is not None]
    if len(signed) < READERS:
        return None
    one, two = signed[:READERS]
    together = _together(result, states, one, two, logs.rule)
    return FirstReads((one, two), (states[one], states[two]), together)


def matched(
    one: Sequence[ReviewedFinding], two: Sequence[ReviewedFinding]
) -> list[tuple[ReviewedFinding | None, ReviewedFinding | None]]:
    """Pair what two readers added to the chain's findings.

    The same candidate of the chain is the same nodule. Of the others those are paired, the nearest
    first and each once, of which one's centre lies within half the equivalent diameter of the
    larger one from the other's.

    Args:
        one: of the first reader.
        two: of the second reader.

    Returns:
        The pairs, those of the first reader in their order, then what only the second one has.
    """
    same = [(0.0, i, j) for (i, a), (j, b) in _pairs(one, two) if a.id == b.id and _is_taken(a)]
    near = [
        (distance, i, j)
        for (i, a), (j, b) in _pairs(one, two)
        if (distance := math.dist(a.finding.center_lps_mm, b.finding.center_lps_mm))
        <= max(a.finding.equivalent_diameter_mm, b.finding.equivalent_diameter_mm) / 2
    ]
    of_one: dict[int, int] = {}
    for _, i, j in [*same, *sorted(near)]:
        if i not in of_one and j not in of_one.values():
            of_one[i] = j
    pairs: list[tuple[ReviewedFinding | None, ReviewedFinding | None]] = [
        (a, two[of_one[i]] if i in of_one else None) for i, a in enumerate(one)
    ]
    return pairs + [(None, b) for j, b in enumerate(two) if j not in of_one.values()]


def added(state: ReviewState) -> list[ReviewedFinding]:
    """Give what a reader added or took up and did not reject again."""
    return [f for f in state.findings if f.source != "chain" and f.decision != "rejected"]


def differences(
    one: ReviewedFinding | None, two: ReviewedFinding | None, rule: ReadingRule
) -> tuple[Difference, ...]:
    """Say in what two readers differ on one finding.

    Why a finding is rejected, and what is remarked on it, is no difference; of one that both
    reject nothing else is. Outlines that both drew agree from the rule's Dice on;
    where only one drew, the other let the chain's stand, and they differ.

    Args:
        one: as the first reader left it; None where they have not found it.
        two: as the second one did.
        rule: how alike outlines are the same.
    """
    if one is None or two is None:
        return ("found",)
    if one.decision != two.decision:
        return ("decision",)
    if one.decision == "rejected":
        return ()
    told: dict[Difference, bool] = {
        "texture": one.texture != two.texture,
        "malignancy": one.malignancy != two.malignancy,
        "characteristics": dict(one.characteristics) != dict(two.characteristics),
        "outline": not _outlines_agree(one.outline, two.outline, rule),
    }
    return tuple(name for name, differs in told.items() if differs)


def _outlines_agree(one: Outline | None, two: Outline | None, rule: ReadingRule) -> bool:
    if one is None or two is None or one == two:
        return one == two
    return outline_dice(one, two) >= rule.outlines_agree_dice


def _pairs(
    one: Sequence[ReviewedFinding], two: Sequence[ReviewedFinding]
) -> product[tuple[tuple[int, ReviewedFinding], tuple[int, ReviewedFinding]]]:
    return product(enumerate(one), enumerate(two))


def _is_taken(finding: ReviewedFinding) -> bool:
    return finding.source == "taken-up"


def _together(
    result: StudyResult, states: Mapping[str, ReviewState], one: str, two: str, rule: ReadingRule
) -> Start:
    first, second = states[one], states[two]
    base = chain_start(result)
    pairs: list[tuple[ReviewedFinding, Opinions]] = [
        (f, (first.finding(f.id), second.finding(f.id))) for f in base.findings
    ]
    label = base.highest_label
    for a, b in matched(added(first), added(second)):
        label += 1
        pairs.append((_as_added(a, b, label), (a, b)))
    return Start(
        findings=tuple(_agreed(f, opinions, one, two, rule) for f, opinions in pairs),
        opinions={f.id: opinions for f, opinions in pairs},
        differ={f.id: differences(*opinions, rule) for f, opinions in pairs},
        comment=_both(one, first.comment, two, second.comment),
        clinical=_facts_of_both(first.clinical, second.clinical),
    )


def _facts_of_both(one: ClinicalFacts | None, two: ClinicalFacts | None) -> ClinicalFacts | None:
    """What either knows of the patient; where they differ it is not known."""
    if one is None or two is None:
        return one or two
    a, b = (facts.model_dump(exclude_none=True) for facts in (one, two))
    return ClinicalFacts.model_validate(_agreed_facts(a, b))


def _agreed_facts(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> dict[Any, Any]:
    agreed: dict[Any, Any] = {}
    for name, value in {**a, **b}.items():
        if isinstance(value, dict):
            agreed[name] = _agreed_facts(a.get(name, {}), b.get(name, {}))
        elif a.get(name, value) == b.get(name, value):
            agreed[name] = value
    return agreed


def _as_added(a: ReviewedFinding | None, b: ReviewedFinding | None, label: int) -> ReviewedFinding:
    """What at least one reader added, as it was first outlined."""
    found = a or b
    if found is None:
        raise ValueError("nobody has found it")
    # A candidate of the chain keeps its id, so that nobody takes it up again.
    taken = next((f for f in (a, b) if f is not None and _is_taken(f)), None)
    name = f"r{1 if a else 2}{found.id}" if taken is None else taken.id
    return replace(
        found,
        id=name,
        source=found.source if taken is None else "taken-up",
        label=label,
        decision=None,
        rejection=None,
        comment="",
        decided_by=None,
    )


def _agreed(
    base: ReviewedFinding, opinions: Opinions, one: str, two: str, rule: ReadingRule
) -> ReviewedFinding:
    """What both say of a finding; where they differ it is as it was, and not decided."""
    a, b = opinions
    if a is None or b is None:
        only, name = (a, one) if a is not None else (b, two)
        remark = "" if only is None else _said(name, only.comment)
        return replace(base, comment=remark)
    comment = _both(one, a.comment, two, b.comment)
    differ = differences(a, b, rule)
    if not differ:
        kept = replace(a, id=base.id, source=base.source, label=base.label, comment=comment)
        return replace(kept, rejection=_reason(a, b), decided_by=f"{one} and {two}")
    made = replace(base, comment=comment)
    if differ == ("decision",):
        return made
    ratings = {k: v for k, v in a.characteristics.items() if b.characteristics.get(k) == v}
    texture = base.texture if "texture" in differ else a.texture
    malignancy = None if "malignancy" in differ else a.malignancy
    shape = base if "outline" in differ else a
    told = {
        "texture": texture != base.original.texture,
        "characteristics": bool(ratings),
        "malignancy": malignancy is not None,
    }
    return replace(
        made,
        texture=texture,
        malignancy=malignancy,
        characteristics=ratings,
        finding=shape.finding,
        outline=shape.outline,
        outlined_by=shape.outlined_by,
        changed=(
            *(name for name in shape.changed if name not in told),
            *(name for name, is_so in told.items() if is_so),
        ),
    )


def _reason(a: ReviewedFinding, b: ReviewedFinding) -> Rejection | None:
    one, two = a.rejection, b.rejection
    if one is None or two is None or one == two:
        return one
    if one.reason == two.reason:
        texts = [text for text in (one.text, two.text) if text]
        return Rejection(reason=one.reason, text="; ".join(texts)[:4000])
    told = [f"{r.reason}{f' ({r.text})' if r.text else ''}" for r in (one, two)]
    return Rejection(reason="other", text="; ".join(told)[:4000])


def _both(one: str, a: str, two: str, b: str) -> str:
    return "\n".join(said for said in (_said(one, a), _said(two, b)) if said)


def _said(name: str, text: str) -> str:
    return f"{name}: {text}" if text else ""
