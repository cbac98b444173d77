"""Balls as nodule shapes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Ratings:
    texture: float = 5.0
    calcification: float = 6.0
    margin: float = 5.0
    spiculation: float = 1.0
    malignancy: float = 3.0


@dataclass(frozen=True, eq=False)
class Ball:
    id: str
    equivalent_diameter_mm: float
    spacing_mm: float = 0.5
    ratings: Ratings = field(default_factory=Ratings)

    @property
    def sdf_mm(self):
        radius = self.equivalent_diameter_mm / 2
        half = int((radius + 5) / 0.5)
        axes = np.meshgrid(*[np.arange(-half, half + 1) * 0.5] * 3, indexing="ij")
        return (np.sqrt(sum(a**2 for a in axes)) - radius).astype(np.float32)

    @property
    def center_irc(self):
        return tuple((n - 1) / 2 for n in self.sdf_mm.shape)
