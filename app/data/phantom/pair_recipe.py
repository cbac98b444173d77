"""What differs between the two scans of a phantom pair. Stored in configs/phantom_pairs.json."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nodulus.app.data.phantom.recipe import Range


class PairRecipe(BaseModel):
    """Ranges for the second scan. Lengths in mm, angles in degrees.

    Args:
        breath_mm: how much deeper the diaphragm stands on the second scan.
        turn_degrees: the largest turn about each axis.
        wave_mm: the largest amplitude of the smooth wave that moves everything.
        same_scanner: the share of pairs with slices, pixels, kernel and noise alike.
        days: between the scans.
        unchanged: the share of nodules that stay as they are.
        changed: the share whose volume changes.
        new: the share that is on the second scan alone.
        vanished: the share that is on the first scan alone.
        growth: factor on the volume of those that change; below 1 they shrink.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    breath_mm: Range = (-15.0, 25.0)
    turn_degrees: float = Field(default=3.0, ge=0, le=10)
    wave_mm: float = Field(default=2.0, ge=0, le=4)
    same_scanner: float = Field(default=0.6, ge=0, le=1)
    days: tuple[int, int] = (60, 450)
    unchanged: float = Field(default=0.5, ge=0, le=1)
    changed: float = Field(default=0.3, ge=0, le=1)
    new: float = Field(default=0.1, ge=0, le=1)
    vanished: float = Field(default=0.1, ge=0, le=1)
    growth: Range = (0.6, 3.0)

    @model_validator(mode="after")
    def _whole(self) -> PairRecipe:
        if abs(self.unchanged + self.changed + self.new + self.vanished - 1.0) > 1e-6:
            raise ValueError("the shares of unchanged, changed, new and vanished add up to 1")
        if not 1 <= self.days[0] <= self.days[1]:
            raise ValueError("days are an ascending range from 1 on")
        if self.growth[0] <= 0:
            raise ValueError("growth is a factor above 0")
        return self

    @classmethod
    def load(cls, path: Path | None = None) -> PairRecipe:
        """Read a recipe; without a path, configs/phantom_pairs.json."""
        home = resources.files("nodulus.configs") / "phantom_pairs.json"
        source = home if path is None else path
        return cls.model_validate_json(source.read_text(encoding="utf-8"))

    def digest(self) -> str:
        """Short checksum of the recipe."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
