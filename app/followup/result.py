"""What has changed between two scans of a patient, typed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.guidelines.lung_rads_growth import LungRadsGrowth
from nodulus.app.result import LpsPoint, ModelInfo, OperatingPoint, ResultWarning

State = Literal[
    "grown",
    "shrunk",
    "no proven change",
    "new",
    "below the threshold before",
    "below the threshold now",
    "not found",
    "merged",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScanOfPair(_Frozen):
    """One of the two scans."""

    study_uid: str | None
    series_uid: str
    source_sha256: str | None = Field(
        default=None, description="Of the voxels and their place, where there is no study UID"
    )
    acquired: str | None = Field(description="ISO 8601 date; None where the header has none")
    spacing_irc_mm: tuple[float, float, float]
    convolution_kernel: str | None


class DoublingTime(_Frozen):
    """Volume doubling time with the interval that repeated measurement leaves, 95 %."""

    days: float | None = Field(description="None where the volume did not grow")
    shortest_days: float | None
    longest_days: float | None = Field(description="None where the interval holds 'no growth'")


class NoduleOnScan(_Frozen):
    """A finding on one of the scans."""

    finding_id: int
    center_lps_mm: LpsPoint
    volume_mm3: float
    mean_diameter_mm: float = Field(description="Of both axes in one plane, to 0.1 mm")
    longest_diameter_mm: float


class OtherScanTrace(_Frozen):
    """What the networks have at a nodule's place on the scan on which it was not found."""

    center_lps_mm: LpsPoint
    segmentation_probability: float = Field(ge=0, le=1, description="Highest within 5 mm")
    below_threshold: bool = Field(description="A candidate was there and was dropped")
    inside_scan: bool


class NoduleChange(_Frozen):
    """One nodule over the two scans."""

    state: State
    tracking_uid: str = Field(
        default="",
        description="The same on all scans of the patient: that of the finding on the first scan of"
        " those that were compared",
    )
    reason: str | None = Field(
        default=None, description="Why no change is proven although a measure changed"
    )
    prior: NoduleOnScan | None = None
    current: NoduleOnScan | None = None
    distance_mm: float | None = Field(
        default=None, description="Between both once the scans are registered"
    )
    ambiguous: bool = Field(default=False, description="Another match is nearly as good")
    merged_with: int | None = Field(
        default=None, description="The finding of the current scan that now holds the prior one"
    )
    volume_change_share: float | None = None
    mean_diameter_change_mm: float | None = None
    doubling_time: DoublingTime | None = Field(
        default=None, description="None where the scans do not allow one; the warnings say why"
    )
    lung_rads_growth: LungRadsGrowth | None = Field(
        default=None,
        description="By Lung-RADS v2022's rule of 1.5 mm in twelve months, whatever repeated"
        " measurement leaves open; None where the rule does not say, and the reason why",
    )
    lung_rads_reason: str | None = None
    other_scan: OtherScanTrace | None = None


class FollowUp(_Frozen):
    """follow_up.json."""

    nodulus_version: str
    created: str = Field(description="ISO 8601, UTC")
    disclaimer: str = "Research software, not a medical device. Assists a reader; decides nothing."
    prior: ScanOfPair
    current: ScanOfPair
    days: float | None = Field(description="Between the scans")
    lung_overlap: float = Field(ge=0, le=1, description="Dice of the lungs once registered")
    repeatability_source: str
    models: tuple[ModelInfo, ...] = Field(default=(), description="That both scans were read with")
    operating_points: tuple[OperatingPoint, ...] = ()
    nodules: tuple[NoduleChange, ...] = Field(
        description="Those of the current scan in its order, then those found on the prior alone"
    )
    warnings: tuple[ResultWarning, ...] = ()
    files: dict[str, str] = Field(default_factory=dict, description="What was written")
    files_left_out: dict[str, str] = Field(
        default_factory=dict, description="What was not written, and why"
    )

    def tracking_uids(self) -> dict[int, str]:
        """Tracking UIDs of the current scan's findings by their ids."""
        return {one.current.finding_id: one.tracking_uid for one in self.nodules if one.current}
