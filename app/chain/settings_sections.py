"""The sections of configs/pipeline.json, whose values stand there alone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nodulus.app.result import CharacteristicName
from nodulus.transforms.closed_lungs import LungBoundRule
from nodulus.transforms.density_outline import DensityOutlineRule
from nodulus.transforms.fissures.fissure_rule import FissureRule
from nodulus.transforms.lesion_kind import LesionKindRule
from nodulus.transforms.nodule_contents import ContentsRule
from nodulus.transforms.pleura_distance import PleuraRule
from nodulus.transforms.texture_class import TextureRule


class Section(BaseModel):
    """A part of the settings: it does not change, and refuses a key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TextureSettings(Section):
    """Where solid, part-solid and ground glass end; see ``docs/results.md`` for the sources."""

    solid_hu: float = Field(description="A voxel above it is solid")
    border_mm: float = Field(ge=0, description="Left out: partial volume")
    part_solid_share: float = Field(ge=0, le=1, description="Less is ground glass")
    solid_share: float = Field(ge=0, le=1, description="From here on it is solid")
    calcified_hu: float = Field(description="A voxel above it is calcified")
    least_core_voxels: int = Field(ge=1, description="Of the core, where the nodule has so many")

    @model_validator(mode="after")
    def _shares_rise(self) -> TextureSettings:
        if self.part_solid_share > self.solid_share:
            raise ValueError("part_solid_share is above solid_share")
        return self

    def rule(self) -> TextureRule:
        """The thresholds as the measurement takes them."""
        return TextureRule(**self.model_dump())


class ContentsSettings(Section):
    """What counts as calcium, fat, air and emphysema; see ``docs/results.md`` for the sources."""

    complete_share: float = Field(ge=0, le=1, description="Of the core's voxels, calcified")
    central_depth: float = Field(ge=0, le=1, description="Of the greatest depth in the nodule")
    central_share: float = Field(ge=0, le=1, description="Of the calcified voxels")
    enclosed_share: float = Field(
        gt=0, le=1, description="Of the nodule, without calcium within a concentric ring"
    )
    fat_hu: tuple[float, float] = Field(description="Fat lies between")
    air_hu: float = Field(description="A voxel below it is air")
    least_voxels: int = Field(ge=1, description="Smaller pieces are noise")
    emphysema_hu: float = Field(description="The lungs' share below it is told")
    thickest_slices_mm: float = Field(
        gt=0, description="With thicker slices none of it is assessed"
    )

    def rule(self, texture: TextureSettings) -> ContentsRule:
        """The thresholds as the measurement takes them."""
        own = self.model_dump(exclude={"emphysema_hu", "thickest_slices_mm"})
        return ContentsRule(
            calcified_hu=texture.calcified_hu,
            border_mm=texture.border_mm,
            least_core_voxels=texture.least_core_voxels,
            **own,
        )


class PleuraSettings(Section):
    """How far from the pleura a finding lies; see ``docs/results.md``."""

    closing_mm: float = Field(gt=0, description="Each lung is closed by a ball of this radius")
    reach_mm: float = Field(gt=0, description="Larger distances are told as this")
    least_share: float = Field(
        ge=0, le=1, description="Of a finding's voxels in the closed lung; else not assessed"
    )
    touching_mm: float = Field(ge=0, description="Up to this distance it is juxtapleural")

    def rule(self) -> PleuraRule:
        """The limits as the measurement takes them."""
        return PleuraRule(**self.model_dump())


class LungBoundSettings(Section):
    """When and how the lungs bound a nodule; see :class:`.LungBoundRule`."""

    least_share: float = Field(
        ge=0, le=1, description="Of what was seen; with less in the lungs they do not"
    )
    least_closing_mm: float = Field(
        gt=0, description="Radius of the ball that closes the lungs over a nodule"
    )
    closing_per_diameter: float = Field(
        ge=0, description="So many diameters of the nodule, where that is more"
    )

    def rule(self) -> LungBoundRule:
        """What the function takes."""
        return LungBoundRule(**self.model_dump())


class OutlineSettings(Section):
    """Where the border of a nodule runs; see :class:`.DensityOutlineRule`."""

    border_share: float = Field(
        gt=0, lt=1, description="Of the way from the lung's density to the nodule's"
    )
    reach_mm: float = Field(ge=0, description="So far outside of what the segmentation sees")
    core_share: float = Field(
        gt=0, lt=1, description="Densest share of what was seen; the nodule is no denser"
    )
    background_mm: tuple[float, float] = Field(
        description="Between these distances around the nodule lies the lung beside it"
    )
    background_below_hu: float = Field(description="A voxel below it is lung")
    least_background_voxels: int = Field(
        ge=1, description="With fewer of them the lung's density is lung_hu"
    )
    lung_hu: float = Field(description="Of aerated lung")
    sure_probability: float = Field(
        ge=0, le=1, description="What reaches it may be ground glass around a solid core"
    )
    glass_above_lung_hu: float = Field(ge=0, description="Where it is denser than the lung by this")
    glass_rim_mm: float = Field(
        ge=0, description="And reaches further out; a thinner rim is the blur of a border"
    )
    least_contrast_hu: float = Field(
        ge=0, description="With less between lung and nodule the segmentation's outline stays"
    )
    lungs: LungBoundSettings = Field(description="Where the lungs bound a nodule")

    @model_validator(mode="after")
    def _distances_rise(self) -> OutlineSettings:
        if not 0 <= self.background_mm[0] < self.background_mm[1]:
            raise ValueError("background_mm: the second distance must be larger than the first")
        return self

    def rule(self) -> DensityOutlineRule:
        """What the function takes."""
        return DensityOutlineRule(**self.model_dump(exclude={"lungs"}))


class LesionKindSettings(Section):
    """What a finding is called; see ``docs/results.md`` for the sources."""

    mass_above_mm: float = Field(gt=0, description="Mean axial diameter; up to it, a nodule")
    compact_share: float = Field(
        ge=0,
        le=1,
        description="Of its convex hull that a mass fills; less may be a consolidation",
    )
    spicule_mm: float = Field(
        ge=0, description="What is thinner than twice this is no part of the form"
    )

    def rule(self) -> LesionKindRule:
        """The thresholds as the function takes them."""
        return LesionKindRule(**self.model_dump())


class LateralitySettings(Section):
    """When the side of a finding is told."""

    level_mm: float = Field(ge=0, description="Lung must be seen so near to its height")
    next_to_mm: float = Field(ge=0, description="So near to a lung it is that lung's side")
    middle_mm: float = Field(
        ge=0, description="Further from both lungs, no side is told so near to the mid-plane"
    )


class FissureSettings(Section):
    """How a fissure is searched for; see :class:`.FissureRule`."""

    average_mm: float = Field(gt=0, description="The scan is averaged to about this spacing first")
    step_mm: float = Field(gt=0, description="Between samples along the expected surface")
    height_step_mm: float = Field(gt=0, description="Between samples across it")
    nodes: int = Field(ge=1, description="So many samples each way along it have one height")
    smooth_mm: float = Field(gt=0, description="Of the Gaussian along the surface")
    smooth_height_mm: float = Field(gt=0, description="Of the Gaussian across it")
    half_width_mm: float = Field(
        gt=0, description="From the middle of the sheet to where its surroundings are looked at"
    )
    span_hu: float = Field(gt=0, description="Denser than the lung by more counts as this much")
    vessel_hu: float = Field(
        gt=0, description="Denser than the lung by this counts against a fissure"
    )
    vessel_cost: float = Field(ge=0, description="How much, in standard deviations of sheetness")
    least_spread_hu: float = Field(
        gt=0, description="Of the sheetness in the lung; less counts as this much"
    )
    most_evidence: float = Field(gt=0, description="More sheetness counts as this much")
    lung_voxels: int = Field(
        ge=1, description="Around a sample, of the lungs' grid, in which lung is counted"
    )
    least_lung_share: float = Field(ge=0, le=1, description="Of them; less is no lung")
    bend_cost: float = Field(gt=0, description="Of a step of one height; grows with its square")
    most_steps: int = Field(ge=1, description="Between neighbouring nodes")
    prior_cost: float = Field(
        ge=0, description="Of 1 mm from where a fissure is expected; grows with its square"
    )
    temperature: float = Field(gt=0, description="The higher, the wider the interval of doubt")
    tail: float = Field(
        gt=0, lt=0.5, description="Probability of the fissure beyond either end of the interval"
    )
    margin_mm: float = Field(ge=0, description="Added to either end")
    open_mm: float = Field(
        ge=0, description="An end so near to that of the band that is searched is none"
    )
    clear_mm: float = Field(
        ge=0, description="Nearer to the oblique fissure no horizontal one is looked for"
    )

    def rule(self) -> FissureRule:
        """What the search takes."""
        return FissureRule(**self.model_dump(exclude={"lung_voxels", "clear_mm"}))


class LobeSettings(Section):
    """When the lobe of a finding is told; heights and depths are shares of the lung's own."""

    min_height_mm: float = Field(ge=0, description="Of a lung that is not collapsed or cut")
    min_height_ratio: float = Field(ge=0, le=1, description="Of the shorter to the taller lung")
    min_section_mm2: float = Field(
        ge=0,
        description="Levels with less lung do not count: the trachea above the apex, the tip of a "
        "recess",
    )
    cut_height_per_depth: float = Field(
        gt=0, description="How tall at least a lung is supposed to be that the scan cuts"
    )
    upper_from: float = Field(description="Height in front above which it is the upper lobe")
    lower_to: float = Field(description="Height in front below which it is the lower lobe")
    slope: float = Field(description="So much higher both limits are at the back")
    lower_depth: float = Field(ge=0, le=1, description="The lower lobe is told from here backwards")
    right_upper_from: float = Field(
        ge=0, le=1, description="Height above which no horizontal fissure reaches"
    )
    right_middle_to: float = Field(
        ge=0, le=1, description="Height below which no horizontal fissure reaches"
    )


class UsualLungs(Section):
    """What the air-filled volume of whole lungs is between; beyond, a warning."""

    min_ml: float = Field(ge=0, description="Of both lungs")
    max_ml: float = Field(gt=0, description="Of both lungs")
    min_share_of_one: float = Field(
        ge=0, le=0.5, description="Of both lungs' volume, in the smaller one"
    )


class CoverageSettings(Section):
    """How much of the lungs a scan is taken to show where its ends cut them."""

    cut_cm2: float = Field(
        ge=0,
        description="A smaller section in an end slice cuts nothing off that matters: the trachea "
        "has as much",
    )
    usual_length_mm: float = Field(gt=0, description="Of the lungs, along the body")
    length_sd_mm: float = Field(gt=0, description="Its standard deviation among people")
    length_weight: float = Field(
        ge=0, description="Of an unusual length beside the misfit of the lungs' cross-section"
    )


class CharacteristicSettings(Section):
    """One of the readers' ratings that the malignancy network predicts, and where it is unsure."""

    name: CharacteristicName
    temperature: float = Field(default=1.0, gt=0, description="Divides the log odds")
    offset: float = Field(default=0.0, description="Then added to them")
    absent_below: float = Field(ge=0, le=1, description="Probability; from here on not assessed")
    present_from: float = Field(ge=0, le=1, description="Probability; below it not assessed")
    chosen_on: str

    @model_validator(mode="after")
    def _in_order(self) -> CharacteristicSettings:
        if self.absent_below > self.present_from:
            raise ValueError(f"{self.name}: absent_below is above present_from")
        return self


class PointSettings(Section):
    """How the chain outlines what a reader points at."""

    near_mm: float = Field(ge=0, description="How far from the point the nodule's voxels may begin")
    search_mm: tuple[float, ...] = Field(
        min_length=1,
        description="Radius that the segmentation looks at; the next where the outline reaches it",
    )
    least_probability: float = Field(
        ge=0,
        le=1,
        description="Of a voxel near the point; below it the segmentation sees nothing there",
    )
    share_of_peak: float = Field(
        gt=0,
        le=1,
        description="Where no voxel reaches the operating point, the outline is cut at this share"
        " of the highest one's probability",
    )
    grow_mm: float = Field(gt=0, description="Radius within which an outline may grow by HU")
    ball_mm: float = Field(gt=0, description="Diameter of the ball where growing fails too")


class FusionSettings(Section):
    """How candidates of other tools are put together with the segmentation's."""

    weights: dict[str, float] = Field(
        default_factory=dict,
        description="Of a source's probabilities, by its name; the segmentation's is"
        " nodulus-segmentation",
    )
    other_weight: float = Field(
        default=1.0, ge=0, le=1, description="Of a source that has none of its own"
    )
    rule: Literal["highest", "mean"] = Field(
        default="highest",
        description="highest: a place has the highest weighted probability, so that no further"
        " source lowers one; mean: the weighted mean of all sources that give probabilities, with"
        " 0 for one that does not mark the place",
    )
    overlap_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Of the smaller outline that lies in the other one, from which both are one"
        " nodule",
    )

    @field_validator("weights")
    @classmethod
    def _are_shares(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if not 0 <= weight <= 1:
                raise ValueError(f"{name}: a weight is 0 to 1, got {weight:g}")
        return weights

    def weight_of(self, source: str) -> float:
        """The weight of a source's probabilities, 0 to 1."""
        return self.weights.get(source, self.other_weight)
