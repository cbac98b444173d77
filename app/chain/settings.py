"""Settings of the chain: configs/pipeline.json and configs/operating_points.json."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import ErrorCode, NodulusError
from app.results.model import OperatingPoint


class PipelineSettings(BaseModel):
    """configs/pipeline.json: how the chain works, apart from its thresholds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lung_margin_mm: float = Field(ge=0, description="Kept around the lungs' box")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="What networks compute in; auto: bfloat16 on a CPU that has it"
    )
    patch_context: int = Field(
        default=16, ge=0, description="Voxels that the segmenter sees around a large patch"
    )
    patch_voxels: int = Field(
        default=8_000_000, ge=1, description="Of a large patch at most; bounds the memory"
    )
    patch_overlap: float = Field(
        ge=0, lt=1, description="Of patches as a share; for networks of a fixed patch size"
    )
    patch_batch: int = Field(ge=1, description="Such patches in one forward pass")
    crop_batch: int = Field(ge=1, description="Candidates in one forward pass")
    min_candidate_volume_mm3: float = Field(ge=0)
    merge_gap_mm: float = Field(ge=0, description="Pieces closer than this are one nodule")
    max_candidates: int = Field(ge=1, description="The most probable ones are kept")
    segmentation_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Of the nodule probability; the classifier has the rest",
    )
    min_lung_volume_ml: float = Field(ge=0, description="Less is not a chest CT")


class OperatingPoints(BaseModel):
    """configs/operating_points.json: the thresholds and what each was chosen on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segmentation_voxel: OperatingPoint
    segmentation_peak: OperatingPoint
    nodule: OperatingPoint
    malignancy: OperatingPoint

    def listed(self) -> tuple[OperatingPoint, ...]:
        """All of them, in the order of the chain."""
        return self.segmentation_voxel, self.segmentation_peak, self.nodule, self.malignancy


class ChainSettings(BaseModel):
    """Everything that the chain is told beside the volume and the networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: PipelineSettings
    operating_points: OperatingPoints


def load_settings(folder: Path | None = None) -> ChainSettings:
    """Read the settings.

    Args:
        folder: holds ``pipeline.json`` and ``operating_points.json``; either may be missing, and
            the shipped one is used then. None for the shipped ones.

    Raises:
        NodulusError: ``settings-invalid``; names the file and the key.
    """
    return ChainSettings(
        pipeline=_read("pipeline.json", folder, PipelineSettings),
        operating_points=_read("operating_points.json", folder, OperatingPoints),
    )


def _read(name: str, folder: Path | None, kind: type[Any]) -> Any:
    own = folder / name if folder is not None else None
    text = (
        own.read_text(encoding="utf-8")
        if own is not None and own.is_file()
        else (resources.files("configs") / name).read_text(encoding="utf-8")
    )
    try:
        return kind.model_validate(json.loads(text))
    except (ValidationError, json.JSONDecodeError) as error:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"the settings do not hold: {error}",
            remedy="Correct the named keys, or leave the file out to use the shipped settings.",
            subject=own or name,
        ) from error
