"""The recipe: ranges of everything that a phantom draws. Stored in configs/phantom.json."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"a range is (low, high), got {value}")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


def draw(value: Range, rng: np.random.Generator) -> float:
    """Draw uniformly from a range."""
    return float(rng.uniform(*value))


def draw_count(value: tuple[int, int], rng: np.random.Generator) -> int:
    """Draw a whole number from a range, both ends included."""
    return int(rng.integers(value[0], value[1] + 1))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnatomyRecipe(_Part):
    """The body. Lengths in mm, densities in HU."""

    scale: Range = (0.88, 1.08)
    chest_half_width: Range = (118.0, 140.0)
    chest_half_depth: Range = (80.0, 100.0)
    apex_height: Range = (82.0, 104.0)
    dome_depth: Range = (88.0, 135.0)
    costophrenic_depth: Range = (45.0, 75.0)
    heart_scale: Range = (0.85, 1.12)
    fat_thickness: Range = (6.0, 30.0)
    muscle_scale: Range = (0.8, 1.25)
    warp: Range = (2.0, 5.0)
    breast_probability: float = Field(default=0.45, ge=0, le=1)
    contrast_probability: float = Field(default=0.45, ge=0, le=1)
    contrast_hu: Range = (130.0, 290.0)
    parenchyma_hu: Range = (-900.0, -815.0)
    gravity_hu: Range = (20.0, 75.0)
    texture_hu: Range = (18.0, 42.0)
    emphysema_probability: float = Field(default=0.25, ge=0, le=1)
    vessel_ends_per_lung: Range = (2400.0, 3400.0)
    vessel_end_radius: Range = (0.38, 0.48)
    dependent_hu: Range = (0.0, 240.0)
    scars: tuple[int, int] = (0, 6)
    fissure_hu: Range = (60.0, 200.0)
    arms_down_probability: float = Field(default=0.12, ge=0, le=1)
    plaque_probability: float = Field(default=0.15, ge=0, le=1)
    plaques: tuple[int, int] = (1, 6)
    apical_cap_probability: float = Field(default=0.3, ge=0, le=1)
    bands: tuple[int, int] = (0, 3)
    micronodules: tuple[int, int] = (0, 8)
    filled_airway_probability: float = Field(default=0.2, ge=0, le=1)
    contrast_phases: tuple[float, float, float] = (0.2, 0.35, 0.45)
    heart_fat: Range = (0.1, 1.0)
    mediastinal_fat: Range = (0.1, 1.0)
    marrow_hu: Range = (90.0, 210.0)
    folds: tuple[int, int] = (0, 3)
    lymph_nodes: tuple[int, int] = (6, 16)
    coronary_calcium_probability: float = Field(default=0.35, ge=0, le=1)
    leads_probability: float = Field(default=0.3, ge=0, le=1)
    cover_probability: float = Field(default=0.6, ge=0, le=1)


class ScannerRecipe(_Part):
    """The acquisition. Lengths in mm."""

    matrix: int = Field(default=512, ge=64, le=1024)
    pixel_spacing_512: Range = (0.6, 0.95)
    small_field_probability: float = Field(default=0.15, ge=0, le=1)
    slice_spacings: tuple[float, ...] = (
        0.6, 0.75, 1.0, 1.0, 1.25, 1.25, 1.25, 1.5, 2.0, 2.0, 2.5, 2.5, 3.0, 4.0, 5.0,
    )  # fmt: skip
    max_slices: int = Field(default=300, ge=8)
    cut_probability: float = Field(default=0.08, ge=0, le=1)
    soft_sigma: Range = (0.45, 0.75)
    sharp_sigma: Range = (0.28, 0.42)
    sharp_overshoot: Range = (0.15, 0.7)
    sharp_probability: float = Field(default=0.5, ge=0, le=1)
    soft_noise_hu: Range = (8.0, 38.0)
    sharp_noise_hu: Range = (25.0, 95.0)
    streak: Range = (0.0, 0.5)
    round_field_probability: float = Field(default=0.5, ge=0, le=1)


class NoduleRecipe(_Part):
    """The nodules. Diameters in mm.

    By default as in LUNA16: what at least three of the four readers marked, sizes as often as in
    its ``annotations.csv``. Among them are calcified granulomas and perifissural nodes, nodules by
    LIDC-IDRI's rule, as shares of all. A nodule is at least ``visible_slices`` slice spacings
    wide, so that two slices show it: one that falls between thick slices is seen by no three
    readers, and LUNA16 leaves out scans above 2.5 mm (Setio et al., Med Image Anal 42, 2017).
    """

    per_study: tuple[int, int] = (3, 10)
    per_background_study: tuple[int, int] = (8, 15)
    none_probability: float = Field(default=0.06, ge=0, le=1)
    min_readers: int = Field(default=3, ge=1, le=4)
    visible_slices: float = Field(default=2.0, ge=0)
    diameter_edges: tuple[float, ...] = (3.5, 5.0, 6.0, 8.0, 12.0, 20.0, 40.0)
    diameter_weights: tuple[float, ...] = (0.23, 0.2, 0.23, 0.17, 0.13, 0.04)
    solid_fraction: float = Field(default=0.7, ge=0, le=1)
    malignant_weight: float = Field(default=1.5, gt=0)
    granulomas: float = Field(default=0.06, ge=0, le=1)
    perifissural: float = Field(default=0.08, ge=0, le=1)
    vessel_attached: float = Field(default=0.33, ge=0, le=1)
    pleura_attached: float = Field(default=0.33, ge=0, le=1)
    confusers: tuple[int, int] = (50, 100)


class InfiltrateRecipe(_Part):
    """Infiltrates and airway disease. Shares of studies, numbers a study, extents in mm."""

    probability: float = Field(default=0.3, ge=0, le=1)
    background_probability: float = Field(default=0.4, ge=0, le=1)
    patches: tuple[Annotated[int, Field(ge=1)], int] = (1, 14)
    size_mm: tuple[Annotated[float, Field(gt=0)], float] = (8.0, 60.0)
    airway_changes: tuple[int, int] = (0, 5)


class PhantomRecipe(_Part):
    """Everything that a phantom draws.

    Args:
        coarse_mm: step of the grid on which smooth anatomy is computed.
    """

    coarse_mm: float = Field(default=2.5, ge=1.0, le=8.0)
    anatomy: AnatomyRecipe = AnatomyRecipe()
    scanner: ScannerRecipe = ScannerRecipe()
    nodules: NoduleRecipe = NoduleRecipe()
    infiltrates: InfiltrateRecipe = InfiltrateRecipe()

    @classmethod
    def load(cls, path: Path | None = None) -> PhantomRecipe:
        """Read a recipe; without a path, configs/phantom.json.

        Raises:
            FileNotFoundError: the file is missing.
            pydantic.ValidationError: it is not a recipe.
        """
        source = resources.files("nodulus.configs") / "phantom.json" if path is None else path
        return cls.model_validate_json(source.read_text(encoding="utf-8"))

    @classmethod
    def small(cls) -> PhantomRecipe:
        """A whole chest on about 128 x 128 x 60 voxels, made in a second: for tests."""
        return cls(
            coarse_mm=5.0,
            anatomy=AnatomyRecipe(vessel_ends_per_lung=(250.0, 350.0), micronodules=(0, 0)),
            scanner=ScannerRecipe(
                matrix=128,
                slice_spacings=(4.0, 5.0),
                soft_sigma=(1.0, 1.2),
                sharp_sigma=(0.9, 1.0),
                small_field_probability=0.0,
                cut_probability=0.0,
            ),
            nodules=NoduleRecipe(
                per_study=(2, 3),
                per_background_study=(2, 3),
                none_probability=0.0,
                granulomas=0.0,
                perifissural=0.0,
                diameter_edges=(12.0, 20.0, 35.0),
                diameter_weights=(0.5, 0.5),
            ),
            infiltrates=InfiltrateRecipe(probability=0.0, background_probability=0.0),
        )

    def digest(self) -> str:
        """Short checksum of the recipe; two data sets with the same one were drawn alike."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
