"""Settings of the chain: pipeline.json, operating_points.json and lungs.json, shipped or others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nodulus.app.chain.mass_settings import MassSettings
from nodulus.app.chain.settings_sections import (
    CharacteristicSettings,
    ContentsSettings,
    CoverageSettings,
    FissureSettings,
    FusionSettings,
    LateralitySettings,
    LesionKindSettings,
    LobeSettings,
    OutlineSettings,
    PleuraSettings,
    PointSettings,
    TextureSettings,
    UsualLungs,
)
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import OperatingPoint, PointName
from nodulus.transforms.closed_lungs import LungBound
from nodulus.transforms.density_outline import DensityOutlineRule
from nodulus.transforms.lung_margin import LUNG_MARGIN_MM
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_rule import LungRule, shipped_lung_rule

_Settings = TypeVar("_Settings")

_WHERE_LEFT_OUT = (
    "texture", "contents", "pleura", "lesion_kind", "laterality", "lobe", "fissures",
    "malignancy_neutral_mm", "min_cut_lung_volume_ml", "usual_lungs", "coverage", "point", "fusion",
)  # fmt: skip
"""What of pipeline.json is the shipped file's where another file does not say it."""


class PipelineSettings(BaseModel):
    """configs/pipeline.json: how the chain works, apart from its operating points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: Literal["lungs", "volume"] = Field(
        default="lungs", description="Where to look: in the lungs, or in all of the volume"
    )
    lung_margin_mm: float = Field(
        default=LUNG_MARGIN_MM, ge=0, description="Kept around the lungs' box, as in training"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="What networks compute in; auto: bfloat16 on a CPU that has it"
    )
    patch_context: int = Field(
        default=24, ge=0, description="Voxels that the segmenter sees around a large patch"
    )
    patch_voxels: int = Field(
        default=8_000_000, ge=1, description="Of a large patch at most; bounds the memory"
    )
    coarse_voxels: int = Field(
        default=48_000_000, ge=1, description="Of what a U-Net's coarse levels see at most at once"
    )
    patch_overlap: float = Field(
        ge=0, lt=1, description="Of patches as a share; for networks of a fixed patch size"
    )
    patch_batch: int = Field(ge=1, description="Such patches in one forward pass")
    crop_batch: int = Field(ge=1, description="Candidates in one forward pass")
    min_candidate_volume_mm3: float = Field(ge=0)
    erosions: int = Field(
        default=0, ge=0, description="Layers of voxels taken off before grouping, then put back"
    )
    merge_gap_mm: float | None = Field(
        ge=0, description="Pieces closer than this are one nodule; null: none are joined"
    )
    max_candidates: int = Field(ge=1, description="The most probable ones are kept")
    segmentation_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Of the nodule probability; the classifier has the rest",
    )
    neighbour_crops_share: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Of the nodule operating point: where the crop at the nearest voxel gives "
        "less, those at its neighbours do not count: they would not lift it over the point",
    )
    malignancy_size_weight: float = Field(
        default=0.0, ge=0, description="Of the logarithm of the diameter in the log odds"
    )
    malignancy_neutral_mm: float = Field(
        gt=0, description="Diameter that leaves the malignancy probability as it is"
    )
    min_lung_volume_ml: float = Field(ge=0, description="Less is not a chest CT")
    min_cut_lung_volume_ml: float = Field(
        ge=0, description="The same for a scan that ends within the lungs"
    )
    usual_lungs: UsualLungs | None = Field(
        default=None, description="null: odd volumes are not warned of"
    )
    coverage: CoverageSettings
    masses: MassSettings | None = Field(
        default=None, description="null: no coarse pass; for segmentations of isotropic voxels"
    )
    outline: OutlineSettings | None = Field(
        default=None, description="null: outlines run where the segmentation's threshold lies"
    )
    texture: TextureSettings
    lesion_kind: LesionKindSettings
    laterality: LateralitySettings
    lobe: LobeSettings
    fissures: FissureSettings
    contents: ContentsSettings
    pleura: PleuraSettings
    characteristics: tuple[CharacteristicSettings, ...] = Field(
        default=(), description="Which ratings of the malignancy network findings tell"
    )
    point: PointSettings
    fusion: FusionSettings = Field(default_factory=FusionSettings)

    def outline_rule(self) -> DensityOutlineRule | None:
        """Where the borders of outlines run; None where along the segmentation's threshold."""
        return None if self.outline is None else self.outline.rule()

    def lung_bound(self, lungs: LungRegion) -> LungBound | None:
        """The lungs as what bounds outlines; None where these run along the threshold."""
        return None if self.outline is None else LungBound(lungs, self.outline.lungs.rule())


class NamedThreshold(BaseModel):
    """One of the thresholds of the nodule probability that a user may ask for by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(ge=0, le=1)
    chosen_on: str


class OperatingPoints(BaseModel):
    """configs/operating_points.json: the thresholds and what each was chosen on.

    ``nodule`` is the one that applies; ``nodule_choices`` are others of the same probability.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    segmentation_voxel: OperatingPoint
    segmentation_peak: OperatingPoint
    nodule: OperatingPoint
    malignancy: OperatingPoint
    nodule_choices: Mapping[PointName, NamedThreshold] = Field(default_factory=dict)

    def at(self, name: PointName) -> OperatingPoints:
        """These, with another of the nodule's thresholds.

        Raises:
            NodulusError: ``settings-invalid``: there is none of that name.
        """
        chosen = self.nodule_choices.get(name)
        if chosen is None:
            raise NodulusError(
                ErrorCode.SETTINGS_INVALID,
                f"the settings have no operating point {name!r}.",
                remedy=(
                    f"Use one of {', '.join(self.nodule_choices)}."
                    if self.nodule_choices
                    else "Add nodule_choices to operating_points.json, with `nodulus evaluate"
                    " nodule-points`, or leave the name out."
                ),
                subject="operating_points.json",
            )
        nodule = self.nodule.model_copy(update={**chosen.model_dump(), "choice": name})
        return self.model_copy(update={"nodule": nodule})

    @model_validator(mode="after")
    def _named_as_their_keys(self) -> OperatingPoints:
        for key in ("segmentation_voxel", "segmentation_peak", "nodule", "malignancy"):
            if (name := getattr(self, key).name) != key:
                raise ValueError(f"{key}: its name must be {key}, got {name}")
        return self

    @model_validator(mode="after")
    def _only_classifiers_are_recalibrated(self) -> OperatingPoints:
        for point in (self.segmentation_voxel, self.segmentation_peak):
            if (point.temperature, point.offset) != (1.0, 0.0):
                raise ValueError(f"{point.name}: the segmentation takes no temperature or offset")
        return self

    def listed(self) -> tuple[OperatingPoint, ...]:
        """All of them, in the order of the chain."""
        return self.segmentation_voxel, self.segmentation_peak, self.nodule, self.malignancy


class ChainSettings(BaseModel):
    """Everything that the chain is told beside the volume and the networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: PipelineSettings
    operating_points: OperatingPoints
    lungs: LungRule = Field(default_factory=shipped_lung_rule)


def load_settings(*folders: Path | None, operating_point: PointName | None = None) -> ChainSettings:
    """Read the settings.

    Args:
        folders: each may hold ``pipeline.json``, ``operating_points.json`` and ``lungs.json``; the
            first that has a file gives it, and where none has it is the shipped one. None is no
            folder.
        operating_point: of the nodule probability; None for the file's own.

    Raises:
        NodulusError: ``settings-invalid``; names the file and the key.
    """
    points = read_settings("operating_points.json", folders, OperatingPoints.model_validate)
    return ChainSettings(
        pipeline=read_settings("pipeline.json", folders, _completed),
        operating_points=points if operating_point is None else points.at(operating_point),
        lungs=read_settings("lungs.json", folders, LungRule.of),
    )


def read_settings(
    name: str, folders: Sequence[Path | None], validate: Callable[[Any], _Settings]
) -> _Settings:
    """Read a file of settings.

    Args:
        name: of the file.
        folders: the first that has it gives it, and where none has it is the shipped one.
        validate: makes them of the file's content.

    Raises:
        NodulusError: ``settings-invalid``; names the file and the key.
    """
    own = next(
        (folder / name for folder in folders if folder is not None and (folder / name).is_file()),
        None,
    )
    try:
        return validate(_shipped(name) if own is None else json.loads(own.read_text("utf-8")))
    except (OSError, ValueError) as error:  # JSON's and pydantic's are ValueErrors
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"the settings do not hold: {_words(error)}",
            remedy="Correct the named keys, or leave the file out to use the shipped settings.",
            subject=own or name,
        ) from error


def _words(error: Exception) -> str:
    """What is wrong, of pydantic's errors each key with its reason."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()
    )


def _shipped(name: str) -> Any:
    return json.loads((resources.files("nodulus.configs") / name).read_text(encoding="utf-8"))


def _completed(own: Any) -> PipelineSettings:
    """Settings of a pipeline.json; what it leaves out of the sections is the shipped file's.

    Without ``masses`` there is no coarse pass, and without ``outline`` the segmentation's threshold
    draws the outlines, so that these sections are only completed.
    """
    if not isinstance(own, dict):
        return PipelineSettings.model_validate(own)
    shipped = _shipped("pipeline.json")
    filled = {key: shipped[key] for key in _WHERE_LEFT_OUT if key not in own}
    partly = {
        key: {**shipped[key], **value}
        for key, value in own.items()
        if isinstance(value, dict) and isinstance(shipped.get(key), dict)
    }
    return PipelineSettings.model_validate({**own, **filled, **partly})
