"""What a reader does to a study, as typed entries of its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.result import Finding, TextureName

Kind = Literal[
    "accept", "reject", "unsure", "change", "move", "resize", "redraw", "add", "take-up",
    "adopt", "comment", "clinical", "undo", "sign-off", "reopen",
]  # fmt: skip
RejectionReason = Literal[
    "vessel", "scar", "lymph-node", "artefact", "atelectasis", "pleura", "infection", "motion",
    "other",
]  # fmt: skip
Characteristic = Literal[
    "subtlety", "internal-structure", "calcification", "sphericity", "margin", "lobulation",
    "spiculation", "texture",
]  # fmt: skip
"""LIDC-IDRI's, beside malignancy: Armato et al., Medical Physics 38:915-931, 2011."""
Role = Literal["reader", "adjudicator"]

Rating = Annotated[int, Field(ge=1, le=6)]
Coordinate = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate, Coordinate]
Index = Annotated[int, Field(ge=0, le=1 << 16)]
Text = Annotated[str, Field(max_length=4000)]


class EntryData(BaseModel):
    """What an entry says beside its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(EntryData):
    """An entry that says all by its kind."""


class Rejection(EntryData):
    """Why a mark is no nodule."""

    reason: RejectionReason
    text: Text = ""


class Change(EntryData):
    """What the reader says in the place of the chain; what is left out stays."""

    texture: TextureName | None = None
    characteristics: dict[Characteristic, Rating] = Field(
        default_factory=dict, description="LIDC-IDRI's scales: 1 to 5, calcification 1 to 6"
    )
    malignancy: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None, description="LIDC-IDRI's scale: 1 highly unlikely, 5 highly suspicious"
    )


class Place(EntryData):
    """A point, LPS mm."""

    center_lps_mm: Point


class Size(EntryData):
    """The mean of the longest axial diameter and its perpendicular."""

    diameter_mm: Annotated[float, Field(gt=0, le=400, allow_inf_nan=False)]


class Outline(EntryData):
    """A mask on the scan's own grid."""

    box_start_irc: tuple[Index, Index, Index]
    shape_irc: tuple[Index, Index, Index]
    mask: str = Field(
        description="Base64 of gzip of packed bits: voxels in the order slice, row, column, the"
        " first one in the highest bit of the first byte (numpy.packbits)"
    )


class TakenCandidate(EntryData):
    """A candidate that the chain dropped."""

    candidate: Index


class Adoption(EntryData):
    """What one of two first readers said of a finding holds as a whole."""

    reader: Literal[1, 2] = Field(description="In the order in which the two began")


class Remark(EntryData):
    """Free text; no patient's name belongs in it."""

    text: Annotated[str, Field(min_length=1, max_length=4000)]


class Clinical(EntryData):
    """What the reader knows of the patient and the study, all of it; the rest is not known.

    Facts of single findings are by their labels.
    """

    facts: ClinicalFacts


class Undone(EntryData):
    """An earlier entry that counts no more."""

    entry: Annotated[int, Field(ge=1)]


class Reopening(EntryData):
    """Why a signed-off study is opened again."""

    reason: Annotated[str, Field(min_length=1, max_length=4000)]


DATA: Mapping[Kind, type[EntryData]] = {
    "accept": Nothing,
    "reject": Rejection,
    "unsure": Nothing,
    "change": Change,
    "move": Place,
    "resize": Size,
    "redraw": Outline,
    "add": Place,
    "take-up": TakenCandidate,
    "adopt": Adoption,
    "comment": Remark,
    "clinical": Clinical,
    "undo": Undone,
    "sign-off": Nothing,
    "reopen": Reopening,
}
"""The type of an entry's data, by its kind."""

ABOUT_FINDING = frozenset(
    {"accept", "reject", "unsure", "change", "move", "resize", "redraw", "adopt"}
)
"""Kinds that need a finding; a comment may have one."""
MEASURED = frozenset({"move", "resize", "redraw", "add", "take-up"})
"""Kinds whose outcome is a mask that is measured on the images when the entry is made."""

OutlinedBy = Literal[
    "segmentation", "segmentation-below-threshold", "grown", "ball", "resized", "reader"
]


class Measured(EntryData):
    """The outcome of an entry on the images, kept with it so that nothing is computed again."""

    finding: Finding
    outline: Outline
    outlined_by: OutlinedBy


@dataclass(frozen=True)
class Entry:
    """One line of a study's log.

    Args:
        number: from 1 on, without a gap.
        at: when, ISO 8601 in UTC.
        who: the reader.
        role: in which role.
        kind: what was done.
        finding: to which finding; None for the study.
        data: of the type that `DATA` has for the kind.
        measured: for the kinds in `MEASURED`.
        software: version of Nodulus.
        weights: SHA-256 of each network's weights, by its name.
    """

    number: int
    at: str
    who: str
    role: Role
    kind: Kind
    finding: str | None
    data: EntryData
    measured: Measured | None
    software: str
    weights: Mapping[str, str]


def parse_data(kind: Kind, data: Mapping[str, Any]) -> EntryData:
    """Read an entry's data.

    Args:
        kind: of the entry.
        data: as JSON has it.

    Raises:
        pydantic.ValidationError: it does not fit the kind.
    """
    return DATA[kind].model_validate(data)
