"""How the nodules of two scans are put together: the thresholds of configs/follow_up.json."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from nodulus.app.chain.settings import read_settings

MATCHING_FILE = "follow_up.json"


class MatchingRule(BaseModel):
    """Distances hold once the scans are registered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach_mm: float = Field(gt=0, description="No two nodules further apart are one")
    typical_mm: float = Field(gt=0, description="A distance that costs 1")
    texture_cost: float = Field(ge=0, description="Of two textures")
    unmatched_cost: float = Field(gt=0, description="Of leaving a nodule on each scan alone")
    ambiguous_margin: float = Field(
        ge=0, description="A match is ambiguous where another costs less than this more"
    )
    template_mm: float = Field(gt=0, description="Edge of the cube that is looked for")
    search_mm: float = Field(gt=0, description="How far it is looked for in each direction")
    least_overlap: float = Field(
        gt=0, le=1, description="Share of the cube that lies in both scans, where one ends in it"
    )
    least_correlation: float = Field(
        ge=-1, le=1, description="Below it the affine transform's place is kept"
    )
    trace_within_mm: float = Field(
        gt=0, description="Where the highest probability on the other scan is looked for"
    )
    candidate_within_mm: float = Field(
        gt=0, description="A candidate that was dropped there is that nodule"
    )
    least_lung_overlap: float = Field(
        ge=0, le=1, description="Dice of the lungs; below it the registration is warned of"
    )
    alike_spacing_mm: float = Field(
        ge=0, description="Slice distances that differ by more are other acquisitions"
    )


def load_matching_rule(folder: Path | None = None) -> MatchingRule:
    """Read ``follow_up.json``.

    Args:
        folder: where one's own may lie; else it is the shipped one.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    return read_settings(MATCHING_FILE, (folder,), MatchingRule.model_validate)


@cache
def shipped_matching_rule() -> MatchingRule:
    """Give the shipped one."""
    return load_matching_rule()
