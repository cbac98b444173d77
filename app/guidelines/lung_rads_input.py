"""Lung-RADS v2022: what is known of a nodule on a screening CT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodulus.app.guidelines.lung_rads_categories import Category
from nodulus.app.result import TextureName

Status = Literal["baseline", "new", "stable", "smaller", "growing", "slowly growing"]
Airway = Literal["none", "subsegmental", "segmental or more proximal"]
Cyst = Literal[
    "none",
    "cavitary nodule",
    "thin-walled",
    "fluid-filled",
    "multiple",
    "thick-walled",
    "multilocular",
]
CystChange = Literal[
    "none",
    "growing cystic part",
    "growing wall or nodularity",
    "became multilocular",
    "growing",
    "more loculation or opacity",
]


@dataclass(frozen=True)
class LungRadsNodule:
    """One nodule on a screening CT; None where something is not known.

    A size is either a diameter or a volume; where both are given the volume counts, and the limit
    is Lung-RADS's own volume for its diameter.

    Args:
        status: what the comparison with earlier scans says; ``baseline`` on a first scan.
        texture: the nodule's.
        mean_diameter_mm: mean of long and short axis (:func:`.rounding.mean_diameter_mm`).
        volume_mm3: of the whole nodule.
        solid_mean_diameter_mm: of the solid part of a part-solid nodule.
        solid_volume_mm3: of that part.
        solid_part_changed: the solid part is new or grows.
        previous_category: what the scan before gave this nodule.
        interval_reached: the interval that the previous category asked for has passed.
        benign_calcification: complete, central, popcorn or concentric rings.
        fat: in the nodule.
        juxtapleural: solid, smooth, at the pleura or a fissure; oval, lentiform or triangular.
        airway: in which airway it lies.
        airway_air_without_soft_tissue: what lies in a segmental airway holds air and no soft
            tissue: secretions.
        cyst: the kind of cyst, if any. A cavitary nodule is one whose wall dominates.
        cyst_change: what is new about the cyst.
        spiculated: the margin is.
        lymphadenopathy: enlarged nodes that cancer would explain.
        metastasis: frank metastatic disease.
        doubled_in_a_year: a ground-glass nodule doubled within a year.
        proven_benign: by work-up.
    """

    status: Status | None
    texture: TextureName | None = None
    mean_diameter_mm: float | None = None
    volume_mm3: float | None = None
    solid_mean_diameter_mm: float | None = None
    solid_volume_mm3: float | None = None
    solid_part_changed: bool | None = None
    previous_category: Category | None = None
    interval_reached: bool | None = None
    benign_calcification: bool | None = None
    fat: bool | None = None
    juxtapleural: bool | None = None
    airway: Airway | None = None
    airway_air_without_soft_tissue: bool | None = None
    cyst: Cyst | None = None
    cyst_change: CystChange | None = None
    spiculated: bool | None = None
    lymphadenopathy: bool | None = None
    metastasis: bool | None = None
    doubled_in_a_year: bool | None = None
    proven_benign: bool | None = None

    def __post_init__(self) -> None:
        for name in (
            "mean_diameter_mm",
            "volume_mm3",
            "solid_mean_diameter_mm",
            "solid_volume_mm3",
        ):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must not be negative, but is {value}.")
