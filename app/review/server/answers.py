"""What the application answers, typed; OpenAPI describes it from here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from nodulus.app.result import CandidateRecord, KindName, LobeName, LpsPoint, TextureName
from nodulus.app.results.colors import finding_rgb
from nodulus.app.review.desk import DeskStudy
from nodulus.app.review.double_reading import FirstReads, Stage, View
from nodulus.app.review.entries import Entry, Kind, OutlinedBy, RejectionReason, Role
from nodulus.app.review.review_state import (
    Decision,
    Difference,
    DroppedCandidate,
    ReviewedFinding,
    Source,
)

ListStatus = Stage | Literal["waiting", "running", "failed"]


class Problem(BaseModel):
    """An error."""

    code: str
    message: str
    remedy: str


class SessionAnswer(BaseModel):
    """Who asks."""

    reader: str
    role: Role | Literal["admin", "system"]
    csrf: str
    signed_in: bool = Field(description="With an account, so that POST /api/logout ends it")


class WarningAnswer(BaseModel):
    """Something that a reader of the result must know."""

    code: str
    message: str


class StudyRow(BaseModel):
    """One study of the work list."""

    key: str
    status: ListStatus
    findings: int | None
    to_decide: int | None
    highest_malignancy: float | None
    expected_errors: float | None = Field(
        description="Of the chain's decisions on its candidates; the higher, the more is learnt"
    )
    study_date: str | None
    received: str | None
    reader: str | None
    warnings: list[WarningAnswer]
    operating_point: str | None
    images: bool
    images_removed: str | None = Field(
        default=None, description="When a service removed them, as it keeps them for so long"
    )
    error: Problem | None = None
    may_be_retried: bool = Field(
        default=False, description="Whether POST /studies/{key}/retry tries it again"
    )
    step: str | None = Field(default=None, description="Of the analysis, while it is running")


class StudyList(BaseModel):
    """A page of the work list."""

    total: int
    studies: list[StudyRow]
    on_their_way: int | None = Field(
        description="Studies that the service has and that are not analysed yet; null without one"
    )


class Diameters(BaseModel):
    """Axial: the longest, its perpendicular, and their mean."""

    long: float
    short: float
    mean: float


class OpinionAnswer(BaseModel):
    """What a first reader said of a finding; without a decision they have not found it."""

    reader: str
    decision: Decision | None
    reason: RejectionReason | None
    reason_text: str
    comment: str
    texture: TextureName | None
    malignancy_rating: int | None
    characteristics: dict[str, int]
    diameters_mm: Diameters | None
    outlined_by: OutlinedBy | None


class FindingAnswer(BaseModel):
    """A finding as the reader left it."""

    id: str
    source: Source
    decision: Decision | None
    reason: RejectionReason | None
    reason_text: str
    comment: str
    center_lps_mm: LpsPoint
    center_index_irc: tuple[float, float, float]
    nodule_probability: float
    malignancy_probability: float
    suspicious: bool
    diameters_mm: Diameters
    volume_mm3: float
    mean_hu: float
    texture: TextureName | None
    kind: KindName | None
    laterality: Literal["left", "right"] | None
    lobe: LobeName | None
    possible_lobes: tuple[LobeName, ...]
    long_axis_lps: tuple[LpsPoint, LpsPoint]
    short_axis_lps: tuple[LpsPoint, LpsPoint]
    characteristics: dict[str, int]
    malignancy_rating: int | None
    changed: list[str]
    outlined_by: OutlinedBy
    label: int
    rgb: tuple[int, int, int] = Field(description="The same as in the report")
    differs: list[Difference] = Field(description="In what two first readers differ")
    opinions: list[OpinionAnswer] = Field(
        description="Of both first readers, for the adjudicator; else none"
    )


class DroppedAnswer(BaseModel):
    """A candidate that the chain dropped."""

    id: int
    center_lps_mm: LpsPoint
    volume_mm3: float
    nodule_probability: float | None
    segmentation_probability: float
    reason: str
    taken_up: bool


class VolumeAnswer(BaseModel):
    """The grid of the CT."""

    shape_irc: tuple[int, int, int]
    spacing_irc_mm: tuple[float, float, float]
    affine_lps: tuple[tuple[float, float, float, float], ...]


class VolumeUrls(BaseModel):
    """Where the voxels are."""

    preview: str
    lungs: str
    ct: str


class StudyAnswer(BaseModel):
    """A study's state."""

    key: str
    status: Stage
    closed: str = Field(description="Why who asks may not decide; empty where they may")
    first_readers: list[str] = Field(description="For the adjudicator; else none")
    version: int
    signed_off_by: str | None
    signed_off_at: str | None
    comment: str
    warnings: list[WarningAnswer]
    volume: VolumeAnswer
    has_images: bool
    images_removed: str | None
    findings: list[FindingAnswer]
    dropped: list[DroppedAnswer]
    volumes: VolumeUrls
    labels: str
    viewer: str | None = Field(
        description="Where another viewer shows the study; null where there is none"
    )


class EntryAnswer(BaseModel):
    """One line of the log; a mask is left out of it."""

    number: int
    at: str
    who: str
    role: Role
    kind: Kind
    finding: str | None
    data: dict[str, Any]
    measured: dict[str, Any] | None
    software: str
    weights: dict[str, str]


class ConflictAnswer(Problem):
    """Another entry came first; the state as it is now."""

    state: StudyAnswer


def study_answer(
    study: DeskStudy,
    view: View,
    *,
    has_images: bool,
    images_removed: str | None,
    base: str,
    viewer: str | None = None,
) -> StudyAnswer:
    """Give a study's state as it is sent.

    Args:
        study: of the desk.
        view: of its review, for who asks.
        has_images: whether its images may be asked for.
        images_removed: when a service removed them.
        base: the address of the study in the application.
        viewer: where another viewer shows it.
    """
    volume, state, both = study.result.volume, view.state, view.first_reads
    signed = state.signed_off
    return StudyAnswer(
        key=study.key,
        status=view.stage,
        closed=view.closed,
        first_readers=[] if both is None else list(both.names),
        version=state.version,
        signed_off_by=None if signed is None else signed.who,
        signed_off_at=None if signed is None else signed.at,
        comment=state.comment,
        warnings=_warnings(study),
        volume=VolumeAnswer(
            shape_irc=volume.shape_irc,
            spacing_irc_mm=volume.spacing_irc_mm,
            affine_lps=volume.affine_lps,
        ),
        has_images=has_images,
        images_removed=images_removed,
        findings=[_finding(finding, both) for finding in state.findings],
        dropped=[_dropped(dropped) for dropped in state.dropped],
        volumes=VolumeUrls(
            preview=f"{base}/preview.nii.gz",
            lungs=f"{base}/lungs.nii.gz",
            ct=f"{base}/ct.nii.gz",
        ),
        labels=f"{base}/labels.nii.gz?version={state.version}",
        viewer=viewer,
    )


def study_row(
    study: DeskStudy, view: View, *, has_images: bool, images_removed: str | None
) -> StudyRow:
    """Give a study as the work list shows it.

    Args:
        study: of the desk.
        view: of its review, for who asks.
        has_images: whether its images may be asked for.
        images_removed: when a service removed them.
    """
    points = {point.name: point.choice for point in study.result.operating_points}
    state, both = view.state, view.first_reads
    who = state.readers[-1] if state.readers else None
    if who is None and both is not None:
        who = " and ".join(both.names)
    kept = [f for f in state.findings if f.decision != "rejected"]
    return StudyRow(
        key=study.key,
        status=view.stage,
        findings=len(kept),
        to_decide=0 if view.closed else len(state.to_decide),
        highest_malignancy=max((f.finding.malignancy_probability for f in kept), default=None),
        expected_errors=expected_errors(study.result.candidates),
        study_date=study.source.study_date,
        received=study.result.created,
        reader=who,
        warnings=_warnings(study),
        operating_point=points.get("nodule"),
        images=has_images,
        images_removed=images_removed,
    )


def expected_errors(candidates: tuple[CandidateRecord, ...]) -> float:
    """Give how many of the chain's candidates are expected to be taken for what they are not.

    The probabilities are calibrated, so that a candidate of probability p is decided wrongly, at
    best, with probability min(p, 1 - p): uncertainty sampling (Lewis and Gale, SIGIR 1994), summed
    over the study.

    Args:
        candidates: of the study; those that no classifier saw do not count.
    """
    seen = [c.nodule_probability for c in candidates if c.nodule_probability is not None]
    return round(sum(min(p, 1 - p) for p in seen), 4)


def entry_answer(entry: Entry) -> EntryAnswer:
    """Give a line of the log as it is sent, without masks."""
    measured = None
    if entry.measured is not None:
        measured = entry.measured.model_dump(mode="json", exclude={"outline": {"mask"}})
    data = entry.data.model_dump(mode="json", exclude={"mask"}, exclude_defaults=True)
    return EntryAnswer(
        number=entry.number,
        at=entry.at,
        who=entry.who,
        role=entry.role,
        kind=entry.kind,
        finding=entry.finding,
        data=data,
        measured=measured,
        software=entry.software,
        weights=dict(entry.weights),
    )


def _warnings(study: DeskStudy) -> list[WarningAnswer]:
    return [WarningAnswer(code=w.code, message=w.message) for w in study.result.warnings]


def _diameters(reviewed: ReviewedFinding) -> Diameters:
    f = reviewed.finding
    long, short = f.longest_diameter_mm, f.perpendicular_diameter_mm
    return Diameters(long=long, short=short, mean=(long + short) / 2)


def _opinion(reader: str, said: ReviewedFinding | None) -> OpinionAnswer:
    rejection = None if said is None else said.rejection
    return OpinionAnswer(
        reader=reader,
        decision=None if said is None else said.decision,
        reason=None if rejection is None else rejection.reason,
        reason_text="" if rejection is None else rejection.text,
        comment="" if said is None else said.comment,
        texture=None if said is None else said.texture,
        malignancy_rating=None if said is None else said.malignancy,
        characteristics={} if said is None else dict(said.characteristics),
        diameters_mm=None if said is None else _diameters(said),
        outlined_by=None if said is None else said.outlined_by,
    )


def _opinions(name: str, both: FirstReads | None) -> list[OpinionAnswer]:
    if both is None or name not in both.start.opinions:
        return []
    told = zip(both.names, both.start.opinions[name], strict=True)
    return [_opinion(reader, said) for reader, said in told]


def _finding(reviewed: ReviewedFinding, both: FirstReads | None) -> FindingAnswer:
    f = reviewed.finding
    return FindingAnswer(
        id=reviewed.id,
        source=reviewed.source,
        decision=reviewed.decision,
        reason=None if reviewed.rejection is None else reviewed.rejection.reason,
        reason_text="" if reviewed.rejection is None else reviewed.rejection.text,
        comment=reviewed.comment,
        center_lps_mm=f.center_lps_mm,
        center_index_irc=f.center_index_irc,
        nodule_probability=f.nodule_probability,
        malignancy_probability=f.malignancy_probability,
        suspicious=f.suspicious,
        diameters_mm=_diameters(reviewed),
        volume_mm3=f.volume_mm3,
        mean_hu=f.mean_hu,
        texture=reviewed.texture,
        kind=f.kind,
        laterality=f.laterality,
        lobe=f.lobe,
        possible_lobes=f.possible_lobes,
        long_axis_lps=f.longest_diameter_ends_lps_mm,
        short_axis_lps=f.perpendicular_diameter_ends_lps_mm,
        characteristics=dict(reviewed.characteristics),
        malignancy_rating=reviewed.malignancy,
        changed=list(reviewed.changed),
        outlined_by=reviewed.outlined_by,
        label=reviewed.label,
        rgb=finding_rgb(reviewed.label),
        differs=[] if both is None else list(both.start.differ.get(reviewed.id, ())),
        opinions=_opinions(reviewed.id, both),
    )


def _dropped(dropped: DroppedCandidate) -> DroppedAnswer:
    record = dropped.record
    return DroppedAnswer(
        id=dropped.number,
        center_lps_mm=record.center_lps_mm,
        volume_mm3=record.volume_mm3,
        nodule_probability=record.nodule_probability,
        segmentation_probability=record.segmentation_probability,
        reason=record.reason.removeprefix("dropped: "),
        taken_up=dropped.taken_up,
    )
