"""What the application answers, typed; OpenAPI describes it from here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from nodulus.app.result import KindName, LobeName, LpsPoint, TextureName
from nodulus.app.review.double_reading import Stage
from nodulus.app.review.entries import Kind, OutlinedBy, RejectionReason, Role
from nodulus.app.review.review_state import Decision, Difference, Source

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
