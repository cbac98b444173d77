"""From a result and the log of its entries to the state of the review: a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.result import CandidateRecord, Finding, StudyResult, TextureName
from nodulus.app.review.entries import (
    Adoption,
    Change,
    Clinical,
    Entry,
    Kind,
    Measured,
    Outline,
    OutlinedBy,
    Rejection,
    Remark,
    TakenCandidate,
    Undone,
)

Decision = Literal["accepted", "rejected", "unsure"]
Source = Literal["chain", "taken-up", "added"]
Status = Literal["new", "in-progress", "signed-off"]
Difference = Literal["found", "decision", "texture", "malignancy", "characteristics", "outline"]
"""In what two readers differ on a finding; ``found``: one of them has not got it."""

_DECISIONS: Mapping[Kind, Decision] = {
    "accept": "accepted",
    "reject": "rejected",
    "unsure": "unsure",
}
_REDRAWN: Mapping[Kind, tuple[str, ...]] = {
    "move": ("place", "outline"),
    "resize": ("outline",),
    "redraw": ("outline",),
}
"""What a kind changes, in words of ``ReviewedFinding.changed``."""


@dataclass(frozen=True)
class ReviewedFinding:
    """A finding as the reader left it.

    Args:
        id: the rank for the chain's own (``"1"``), else ``c`` and the candidate or ``a`` and the
            number of the entry that added it.
        source: who found it.
        label: its value in the label volume; never given to another one.
        finding: measurements and probabilities that hold now.
        original: as the chain found or outlined it first.
        decision: None where the reader has not decided.
        rejection: why it is no nodule.
        comment: the last one.
        texture: the reader's, else the chain's.
        characteristics: the reader's ratings.
        malignancy: the reader's rating, 1 to 5.
        changed: what differs from the chain's.
        outline: the mask; None for that in the result's segmentation.
        outlined_by: how the outline was made.
        decided_by: who decided last.
    """

    id: str
    source: Source
    label: int
    finding: Finding
    original: Finding
    decision: Decision | None = None
    rejection: Rejection | None = None
    comment: str = ""
    texture: TextureName | None = None
    characteristics: Mapping[str, int] = field(default_factory=dict)
    malignancy: int | None = None
    changed: tuple[str, ...] = ()
    outline: Outline | None = None
    outlined_by: OutlinedBy = "segmentation"
    decided_by: str | None = None


@dataclass(frozen=True)
class DroppedCandidate:
    """A candidate that the chain dropped.

    Args:
        number: its place in ``StudyResult.candidates``.
        record: what the chain says of it.
        taken_up: whether the reader has made a finding of it.
    """

    number: int
    record: CandidateRecord
    taken_up: bool


@dataclass(frozen=True)
class SignOff:
    """Who signed the study off, and when (ISO 8601, UTC)."""

    who: str
    at: str


@dataclass(frozen=True)
class ReviewState:
    """A study as its readers left it.

    Args:
        version: number of entries.
        findings: the chain's by rank, then those of the reader in the order of their entries.
        dropped: the other candidates.
        comment: the last one on the study.
        clinical: what the readers know of the patient; None where they have said nothing.
        signed_off: None while it is open.
        readers: who has made an entry, in order.
    """

    version: int
    findings: tuple[ReviewedFinding, ...]
    dropped: tuple[DroppedCandidate, ...]
    comment: str
    clinical: ClinicalFacts | None
    signed_off: SignOff | None
    readers: tuple[str, ...]

    @property
    def status(self) -> Status:
        """Of the work list."""
        if self.signed_off is not None:
            return "signed-off"
        return "in-progress" if self.version else "new"

    @property
    def to_decide(self) -> tuple[str, ...]:
        """Ids of the findings without a decision."""
        return tuple(f.id for f in self.findings if f.decision is None)

    def finding(self, name: str) -> ReviewedFinding | None:
        """The finding of an id; None where there is none."""
        return next((f for f in self.findings if f.id == name), None)


ReviewedStudy = tuple[StudyResult, ReviewState]
"""A result, and what its readers made of it."""
Opinions = tuple[ReviewedFinding | None, ReviewedFinding | None]
"""A finding as each of two readers left it; None where they have not found it."""


@dataclass(frozen=True)
class Start:
    """What a log begins with.

    Args:
        findings: before its first entry.
        opinions: of two first readers, by the finding's id; empty without any.
        differ: in what they differ, by the finding's id.
        comment: on the study.
        clinical: what the readers know of the patient.
    """

    findings: tuple[ReviewedFinding, ...]
    opinions: Mapping[str, Opinions] = field(default_factory=dict)
    differ: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    comment: str = ""
    clinical: ClinicalFacts | None = None

    @property
    def highest_label(self) -> int:
        """Of its findings; 0 without one."""
        return max((f.label for f in self.findings), default=0)


def chain_start(result: StudyResult) -> Start:
    """Begin with what the chain found."""
    return Start(
        tuple(
            ReviewedFinding(str(f.id), "chain", f.id, f, f, texture=f.texture)
            for f in result.findings
        )
    )


def in_force(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out what was undone, and the undoing; an undo that was undone counts for nothing.

    Args:
        entries: in the order of their numbers.
    """
    undone: set[int] = set()
    kept = []
    for entry in reversed(entries):  # only what comes later can undo an entry
        if entry.number in undone:
            continue
        if isinstance(entry.data, Undone):
            undone.add(entry.data.entry)
        else:
            kept.append(entry)
    return kept[::-1]


def reviewed(
    result: StudyResult, entries: Sequence[Entry], start: Start | None = None
) -> ReviewState:
    """Apply a log to a result.

    An entry about a finding that is not there (any more) has no effect.

    Args:
        result: of the chain.
        entries: in the order of their numbers; of one reader for that reader's state.
        start: what the log begins with; None for the chain's findings.
    """
    start = chain_start(result) if start is None else start
    findings = {finding.id: finding for finding in start.findings}
    labels = _own_labels(start, entries)
    comment, clinical, signed = start.comment, start.clinical, cast("SignOff | None", None)
    for entry in in_force(entries):
        if entry.kind in ("add", "take-up"):
            new = _new_finding(entry, labels[entry.number])
            findings.setdefault(new.id, new)
        elif entry.kind == "sign-off":
            signed = SignOff(entry.who, entry.at)
        elif entry.kind == "reopen":
            signed = None
        elif isinstance(entry.data, Clinical):
            clinical = entry.data.facts
        elif isinstance(entry.data, Remark) and entry.finding is None:
            comment = entry.data.text
        elif entry.finding in findings:
            finding = findings[entry.finding]
            if isinstance(entry.data, Adoption):
                opinion = start.opinions[finding.id][entry.data.reader - 1]
                findings[finding.id] = _adopted(finding, opinion, entry)
            else:
                findings[finding.id] = _applied(finding, entry)
    return ReviewState(
        version=len(entries),
        findings=tuple(findings.values()),
        dropped=tuple(
            DroppedCandidate(number, record, f"c{number}" in findings)
            for number, record in enumerate(result.candidates)
            if not record.kept
        ),
        comment=comment,
        clinical=clinical,
        signed_off=signed,
        readers=tuple(dict.fromkeys(entry.who for entry in entries)),
    )


def _own_labels(start: Start, entries: Sequence[Entry]) -> dict[int, int]:
    """The label of each entry's finding, whether or not it is in force: none is used twice."""
    made = [n for n, e in enumerate(entries) if e.kind in ("add", "take-up")]
    return {entries[n].number: next_label(start, entries[:n]) for n in made}


def next_label(start: Start, entries: Sequence[Entry]) -> int:
    """Give the label of the next finding that a reader makes.

    Args:
        start: what the log begins with.
        entries: so far, undone ones too: their labels are not used again.
    """
    made = sum(e.kind in ("add", "take-up") for e in entries)
    return 1 + start.highest_label + made


def _new_finding(entry: Entry, label: int) -> ReviewedFinding:
    measured = _measured(entry)
    is_taken = isinstance(entry.data, TakenCandidate)
    return ReviewedFinding(
        id=_new_id(entry),
        source="taken-up" if is_taken else "added",
        label=label,
        finding=measured.finding,
        original=measured.finding,
        decision="accepted",  # who adds a nodule says that it is one
        texture=measured.finding.texture,
        outline=measured.outline,
        outlined_by=measured.outlined_by,
        decided_by=entry.who,
    )


def _new_id(entry: Entry) -> str:
    if isinstance(entry.data, TakenCandidate):
        return f"c{entry.data.candidate}"
    return f"a{entry.number}"


def _measured(entry: Entry) -> Measured:
    if entry.measured is None:
        raise ValueError(f"entry {entry.number} ({entry.kind}) has no measurement")
    return entry.measured


def _applied(finding: ReviewedFinding, entry: Entry) -> ReviewedFinding:
    return _EFFECTS[entry.kind](finding, entry)


def _decided(finding: ReviewedFinding, entry: Entry) -> ReviewedFinding:
    rejection = entry.data if isinstance(entry.data, Rejection) else None
    return replace(
        finding, decision=_DECISIONS[entry.kind], rejection=rejection, decided_by=entry.who
    )


def _adopted(
    finding: ReviewedFinding, opinion: ReviewedFinding | None, entry: Entry
) -> ReviewedFinding:
    """The finding as a first reader left it; what was remarked on it stays."""
    if opinion is None:  # was refused
        return finding
    kept = replace(opinion, id=finding.id, source=finding.source, label=finding.label)
    return replace(kept, comment=finding.comment, decided_by=entry.who)


def _with_comment(finding: ReviewedFinding, entry: Entry) -> ReviewedFinding:
    return replace(finding, comment=cast("Remark", entry.data).text)


def _changed(finding: ReviewedFinding, entry: Entry) -> ReviewedFinding:
    change = cast("Change", entry.data)
    texture = change.texture or finding.texture
    made = replace(
        finding,
        texture=texture,
        characteristics={
            **finding.characteristics,
            **{str(k): v for k, v in change.characteristics.items()},
        },
        malignancy=change.malignancy or finding.malignancy,
    )
    differs = {
        "texture": texture != finding.original.texture,
        "characteristics": bool(made.characteristics),
        "malignancy": made.malignancy is not None,
    }
    others = [name for name in finding.changed if name not in differs]
    return replace(made, changed=(*others, *(name for name, is_so in differs.items() if is_so)))


def _redrawn(finding: ReviewedFinding, entry: Entry) -> ReviewedFinding:
    measured = _measured(entry)
    by_reader = "texture" in finding.changed
    return replace(
        finding,
        finding=measured.finding,
        texture=finding.texture if by_reader else measured.finding.texture,
        outline=measured.outline,
        outlined_by=measured.outlined_by,
        changed=tuple(dict.fromkeys((*finding.changed, *_REDRAWN[entry.kind]))),
    )


_EFFECTS: Mapping[Kind, Callable[[ReviewedFinding, Entry], ReviewedFinding]] = {
    "accept": _decided,
    "reject": _decided,
    "unsure": _decided,
    "comment": _with_comment,
    "change": _changed,
    "move": _redrawn,
    "resize": _redrawn,
    "redraw": _redrawn,
}
