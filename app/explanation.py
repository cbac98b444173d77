"""What a classifier saw of a candidate, and which parts of it its answer rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry

ClassifierName = Literal["nodule", "malignancy"]


@dataclass(frozen=True, eq=False)
class Crop:
    """The part of a CT that a classifier was given, as it was given.

    Args:
        values: float32, any three axes: HU clipped to the window and scaled.
        geometry: of ``values``, whatever its axes.
        window_hu: HU that became the ends of ``input_range``.
        input_range: the values of those ends.
    """

    values: NDArray[np.float32]
    geometry: Geometry
    window_hu: tuple[float, float]
    input_range: tuple[float, float]

    def scaled(self, hu: float) -> float:
        """The value that stands for a Hounsfield number in this crop."""
        low, high = self.window_hu
        first, last = self.input_range
        share = (min(max(hu, low), high) - low) / (high - low)
        return first + share * (last - first)

    def same_as(self, other: Crop) -> bool:
        """Whether both show the same voxels in the same window."""
        return (
            self.window_hu == other.window_hu
            and self.geometry.almost_equal(other.geometry)
            and self.input_range == other.input_range
        )


@dataclass(frozen=True)
class CandidateCrops:
    """What the classifiers saw of one candidate.

    Args:
        nodule: the nodule classifier's.
        malignancy: the malignancy classifier's; None where it was not asked.
    """

    nodule: Crop
    malignancy: Crop | None = None


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """How a classifier's probability for a finding falls when parts of its crop are covered.

    Args:
        finding_id: the finding.
        classifier: which of the two.
        probability: of the crop as it is.
        fall: float32, shape of ``geometry``: ``probability`` less that with the place covered, on
            average over the covers that hold the place; below 0 where covering raises it.
        geometry: of ``fall``: the crop's.
        cover_mm: edges of a cover along the axes of ``fall``.
        cover_hu: what the covers are filled with.
    """

    finding_id: int
    classifier: ClassifierName
    probability: float
    fall: NDArray[np.float32]
    geometry: Geometry
    cover_mm: tuple[float, float, float]
    cover_hu: float
