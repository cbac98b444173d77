"""What a reader's page may send, one model for each kind of entry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.review.entries import (
    Adoption,
    Change,
    Clinical,
    Nothing,
    Outline,
    Place,
    Rejection,
    Remark,
    Reopening,
    Size,
    TakenCandidate,
    Undone,
)

FindingId = Annotated[str, Field(max_length=20)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    expected_version: int = Field(ge=0, le=10**9, description="Entries that the reader has seen")


class _AboutFinding(_Request):
    finding: FindingId


class _AboutStudy(_Request):
    finding: None = None


class AcceptRequest(_AboutFinding):
    """It is a nodule."""

    kind: Literal["accept"]
    data: Nothing = Nothing()


class RejectRequest(_AboutFinding):
    """It is none."""

    kind: Literal["reject"]
    data: Rejection


class UnsureRequest(_AboutFinding):
    """It may be one."""

    kind: Literal["unsure"]
    data: Nothing = Nothing()


class ChangeRequest(_AboutFinding):
    """The reader's own texture, characteristics or malignancy."""

    kind: Literal["change"]
    data: Change


class MoveRequest(_AboutFinding):
    """It lies elsewhere; the chain outlines, measures and rates it there."""

    kind: Literal["move"]
    data: Place


class ResizeRequest(_AboutFinding):
    """Its outline grows or shrinks evenly."""

    kind: Literal["resize"]
    data: Size


class RedrawRequest(_AboutFinding):
    """Its outline is this mask."""

    kind: Literal["redraw"]
    data: Outline


class AddRequest(_AboutStudy):
    """A nodule that the chain missed; it outlines, measures and rates it."""

    kind: Literal["add"]
    data: Place


class TakeUpRequest(_AboutStudy):
    """A candidate that the chain dropped is a nodule."""

    kind: Literal["take-up"]
    data: TakenCandidate


class AdoptRequest(_AboutFinding):
    """What a first reader said of it holds; for the adjudicator."""

    kind: Literal["adopt"]
    data: Adoption


class CommentRequest(_Request):
    """On a finding, or on the study."""

    kind: Literal["comment"]
    finding: FindingId | None = None
    data: Remark


class ClinicalRequest(_AboutStudy):
    """What the reader knows of the patient, in the place of what was entered before."""

    kind: Literal["clinical"]
    data: Clinical


class UndoRequest(_AboutStudy):
    """An earlier entry counts no more."""

    kind: Literal["undo"]
    data: Undone


class SignOffRequest(_AboutStudy):
    """The study is read."""

    kind: Literal["sign-off"]
    data: Nothing = Nothing()


class ReopenRequest(_AboutStudy):
    """It is read again."""

    kind: Literal["reopen"]
    data: Reopening


EntryRequest = Annotated[
    AcceptRequest
    | RejectRequest
    | UnsureRequest
    | ChangeRequest
    | MoveRequest
    | ResizeRequest
    | RedrawRequest
    | AddRequest
    | TakeUpRequest
    | AdoptRequest
    | CommentRequest
    | ClinicalRequest
    | UndoRequest
    | SignOffRequest
    | ReopenRequest,
    Field(discriminator="kind"),
]
