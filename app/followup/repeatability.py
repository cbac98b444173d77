"""How well a nodule's volume can be measured twice."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import norm

from nodulus.app.chain.settings import read_settings

REPEATABILITY_FILE = "repeatability.json"


class _Limit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    below_diameter_mm: float | None = Field(gt=0)
    share: float = Field(gt=0, lt=1)


class Repeatability(BaseModel):
    """95 % limits of agreement of two measurements of one volume."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    limits_of_agreement: tuple[_Limit, ...] = Field(
        min_length=1, description="By ascending diameter; the last has none"
    )
    thickest_slices_mm: float = Field(
        gt=0, description="Doubling times are not given for thicker slices"
    )
    thickest_source: str
    diameter_change_mm: float = Field(gt=0, description="A change in mean diameter that counts")
    diameter_source: str
    volume_change_share: float = Field(
        gt=0, description="With thicker slices: growth in volume that counts"
    )
    volume_source: str

    def limit(self, diameter_mm: float) -> float:
        """The limit of agreement for a nodule of this size, as a share of its volume."""
        for one in self.limits_of_agreement:
            if one.below_diameter_mm is None or diameter_mm < one.below_diameter_mm:
                return one.share
        return self.limits_of_agreement[-1].share

    def coefficient_of_variation(self, diameter_mm: float) -> float:
        """Of one measurement: two of them differ by ``sqrt(2)`` times as much."""
        return self.limit(diameter_mm) / (float(norm.ppf(0.975)) * math.sqrt(2.0))


def load_repeatability(folder: Path | None = None) -> Repeatability:
    """Read ``repeatability.json``.

    Args:
        folder: where one's own may lie; else it is the shipped one.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    return read_settings(REPEATABILITY_FILE, (folder,), Repeatability.model_validate)
