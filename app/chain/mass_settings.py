"""The section of the settings for masses."""

from __future__ import annotations

from pydantic import Field

from nodulus.app.chain.settings_sections import Section
from nodulus.transforms.mass_outline import MassOutlineRule


class MassSettings(Section):
    """How lesions are found that are too large for the segmentation at its own spacing."""

    spacings_mm: tuple[float, ...] = Field(
        min_length=2, description="At which the same network looks again; two of them must agree"
    )
    peak: float = Field(gt=0, le=1, description="Probability that a mass reaches, the two's mean")
    min_diameter_mm: float = Field(gt=0, description="Of a ball of the outline's volume")
    own_diameter_mm: float = Field(
        gt=0, description="Up to it a candidate of the fine pass stays as it is"
    )
    min_share_in_lungs: float = Field(
        ge=0, le=1, description="Of its voxels; less is outside the lungs"
    )
    kept_share_in_region: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Of its voxels in the search region; with less a mass is kept, as a nodule is, "
        "for its nodule probability alone",
    )
    crop_voxels: float = Field(
        gt=0, description="So many voxels across a classifier sees a mass, as it sees a nodule"
    )
    rim_mm: float = Field(ge=0, description="A fragment may lie so far outside of the outline")
    inside_share: float = Field(
        gt=0,
        le=1,
        description="Of a fragment that lies in the mass, and of a mass that a whole candidate "
        "covers",
    )
    least_probability: float = Field(
        gt=0, le=1, description="In a mass, so that its outline is where the probability falls"
    )
    outline_margin_mm: float = Field(
        ge=0, description="Room around the coarse outline in which the fine one is drawn"
    )
    outline_lung_hu: float = Field(
        description="Of aerated lung: the border runs half-way from it to the mass's own density"
    )
    outline_core_probability: float = Field(
        ge=0, le=1, description="The mass's density is the median of what reaches it"
    )
    outline_opening_mm: float = Field(
        ge=0, description="Vessels thinner than twice this are cut off"
    )

    def outline_rule(self) -> MassOutlineRule:
        """What the outline's function takes."""
        return MassOutlineRule(
            lung_hu=self.outline_lung_hu,
            core_probability=self.outline_core_probability,
            opening_mm=self.outline_opening_mm,
        )
