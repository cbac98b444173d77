"""What guidelines and risk models say of a study, as findings.json holds it.

It is apart from what the networks estimate: it rests on published tables, on sizes that were
measured, and on what is known of the patient, each with where it comes from.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class KnownFact(_Record):
    """Something that is known of the patient, the study or a finding."""

    name: str = Field(description="Of a finding: findings.ID.name")
    value: bool | int | float | str
    source: str = Field(description="Such as DICOM PatientAge, or clinical file")


class RulingRecord(_Record):
    """One row of a guideline that applied."""

    category: str = Field(description="The guideline's own word")
    management: str
    rule: str = Field(description="The row that applied")
    doubt: str | None = Field(default=None, description="Why a reader must decide")


class AlternativeRecord(_Record):
    """A ruling that applies under a condition which is not known."""

    condition: str
    ruling: RulingRecord | None = Field(description="None where a number is missing")


class AdviceRecord(_Record):
    """A guideline's answer."""

    guideline: str
    source: str
    ruling: RulingRecord | None = Field(description="None where it depends on what is not known")
    alternatives: tuple[AlternativeRecord, ...] = ()
    missing: tuple[str, ...] = Field(default=(), description="Inputs that would settle it")
    not_applicable: str | None = None
    unknown_applicability: tuple[str, ...] = Field(
        default=(), description="Inputs without which it is not known to be for this patient"
    )
    needs_reader: bool

    @property
    def categories(self) -> tuple[str, ...]:
        """Every category that is possible, each once."""
        rulings = [self.ruling, *(one.ruling for one in self.alternatives)]
        return tuple(dict.fromkeys(ruling.category for ruling in rulings if ruling))


class RiskRecord(_Record):
    """A risk model's probability of cancer, or its range where inputs are not known."""

    model: str
    source: str
    low: float | None = Field(ge=0, le=1)
    high: float | None = Field(ge=0, le=1)
    missing: tuple[str, ...] = ()
    not_applicable: str | None = None
    doubt: str | None = None


class FindingGuidance(_Record):
    """What they say of one finding."""

    finding_id: int
    advice: tuple[AdviceRecord, ...]
    risk: tuple[RiskRecord, ...]


class Guidance(_Record):
    """What they say of a study."""

    facts: tuple[KnownFact, ...] = Field(description="What is not here is not known")
    notes: tuple[str, ...] = Field(
        default=(), description="What a header or a file says that could not be taken, and why"
    )
    exam: AdviceRecord | None = Field(description="Of the whole CT, if it may be a screening CT")
    baseline: AdviceRecord | None = Field(
        default=None,
        description="Lung-RADS of the whole CT if it is a baseline screening CT and a reader sees"
        " nothing that changes the category; null where it is known to be none",
    )
    baseline_finding: int | None = Field(
        default=None, description="The finding on which that rests"
    )
    findings: tuple[FindingGuidance, ...]
