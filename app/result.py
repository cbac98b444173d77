"""The result of one study, typed.

`nodulus schema` prints its JSON schema, which configs/findings.schema.json holds.
"""

from __future__ import annotations

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from nodulus.app.guidance import Guidance

SCHEMA_VERSION = "1.2"

LpsPoint = tuple[float, float, float]
Probability = float
TextureName = Literal["solid", "part-solid", "ground-glass"]
"""Fleischner's and Lung-RADS's terms."""
CalcificationName = Literal["none", "complete", "central", "concentric", "other"]
KindName = Literal["nodule", "mass", "mass or consolidation"]
SideName = Literal["left", "right"]
LobeName = Literal["upper", "middle", "lower"]
LOBES: dict[SideName, tuple[LobeName, ...]] = {
    "left": ("upper", "lower"),
    "right": ("upper", "middle", "lower"),
}
"""Of each lung, from above."""
"""Fleischner's terms; the last one for a form that does not tell a tumour from an infiltrate."""


PointName = Literal["sensitive", "balanced", "specific"]
"""Named operating points of the nodule probability: about 4, 1 and 1/4 other marks a scan."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ResultWarning(_Frozen):
    """Something that a reader of the result must know."""

    code: str
    message: str


class ModelInfo(_Frozen):
    """One network that took part."""

    name: str
    version: str
    sha256: str = Field(description="Checksum of the weight file")
    trained_on: str = Field(description="One line from the model card")
    precision: Literal["float32", "bfloat16"] | None = Field(
        default=None, description="What it computed in on this machine"
    )


class OperatingPoint(_Frozen):
    """One threshold that was applied, and how it was chosen."""

    name: str
    threshold: float = Field(ge=0, le=1)
    chosen_on: str
    choice: PointName | None = Field(
        default=None, description="Of the nodule's named points the one that was used"
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        description="The probability's log odds are divided by it before the threshold",
    )
    offset: float = Field(
        default=0.0, description="Then added to the log odds, before the threshold"
    )


class Explanation(_Frozen):
    """What a classifier's answer for a finding rests on: occlusion sensitivity in a few numbers."""

    classifier: Literal["nodule", "malignancy"]
    probability: Probability = Field(ge=0, le=1, description="Of this classifier, nothing covered")
    largest_fall: float = Field(
        ge=0, le=1, description="Of the probability, when the most important place is covered"
    )
    largest_fall_lps_mm: LpsPoint
    share_at_nodule: float | None = Field(
        ge=0,
        le=1,
        description="Of all falls, the share in the nodule or within half a cover of it",
    )
    volume_share_at_nodule: float | None = Field(
        ge=0,
        le=1,
        description="Of the crop's volume in the same places: the share if nothing mattered more",
    )
    cover_mm: float = Field(gt=0, description="Edge of the cube that covers")
    cover_hu: float = Field(description="What it is filled with")


CharacteristicName = Literal["texture", "spiculation", "margin", "calcification"]

SEGMENTATION_SOURCE = "nodulus-segmentation"
"""The name of the chain's own segmentation among the sources of candidates."""
SourceForm = Literal[
    "segmentation",
    "table",
    "label-map",
    "markups",
    "dicom-seg",
    "dicom-rtstruct",
    "dicom-sr",
    "monai-bundle",
]
OutlinedBy = Literal["segmentation", "segmentation-below-threshold", "source", "grown", "ball"]
"""The segmentation at its operating point or below it; a source's own mask; growing by HU; where
all of them fail, a ball, whose size says nothing."""


class CandidateSourceInfo(_Frozen):
    """Where candidates came from: the chain's own segmentation, or a file of another tool."""

    name: str
    form: SourceForm
    algorithm: str | None = Field(
        default=None, description="What made it, where the file says so (SegmentAlgorithmName)"
    )
    sha256: str | None = Field(default=None, description="Checksum of the file")
    weight: float = Field(ge=0, le=1, description="Of its probabilities among the sources'")
    marks: int = Field(ge=0, description="How many it gives in this scan")


class Sighting(_Frozen):
    """A mark of one source of candidates."""

    source: str = Field(description="Name of the source")
    probability: Probability | None = Field(
        default=None, ge=0, le=1, description="As the source says; null where it says none"
    )
    center_lps_mm: LpsPoint = Field(description="Where its mark is")


class Characteristic(_Frozen):
    """A rating of LIDC-IDRI's readers, as a network predicts it."""

    name: CharacteristicName
    probability: Probability = Field(
        ge=0,
        le=1,
        description="That the readers' median says: texture solid (4 or 5), spiculation 3 or more,"
        " margin sharp (4 or 5), any calcification",
    )
    present: bool | None = Field(description="Whether so; null: not assessed, as it is unsure")


class _WithoutEmpty(_Frozen):
    """Leaves out of its JSON what says nothing where no other source of candidates took part."""

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        content: dict[str, object] = serialize(self)
        for name in ("seen_by", "outlined_by", "candidate_sources"):
            if name in content and not content[name]:
                del content[name]
        return content


class Finding(_WithoutEmpty):
    """One nodule. Points are patient LPS mm."""

    id: int = Field(
        ge=1, description="Rank by malignancy; also the segment number in the DICOM SEG"
    )
    tracking_uid: str = Field(description="DICOM tracking UID, the same in SEG and SR")
    center_lps_mm: LpsPoint
    center_index_irc: tuple[float, float, float]
    nodule_probability: Probability = Field(
        ge=0, le=1, description="Pooled from the segmentation's and the nodule classifier's"
    )
    malignancy_probability: Probability = Field(ge=0, le=1)
    segmentation_probability: Probability = Field(
        ge=0, le=1, description="Highest voxel probability"
    )
    classifier_probability: Probability | None = Field(
        default=None, ge=0, le=1, description="Of the nodule classifier alone"
    )
    longest_diameter_mm: float = Field(ge=0, description="Longest in-plane axial diameter")
    perpendicular_diameter_mm: float = Field(ge=0)
    longest_diameter_ends_lps_mm: tuple[LpsPoint, LpsPoint]
    perpendicular_diameter_ends_lps_mm: tuple[LpsPoint, LpsPoint]
    mean_diameter_mm: float | None = Field(
        default=None,
        ge=0,
        description="Of both axes in one plane, each and the mean to 0.1 mm (Lung-RADS v2022)",
    )
    equivalent_diameter_mm: float = Field(ge=0, description="Of a sphere of the same volume")
    volume_mm3: float = Field(ge=0)
    mean_hu: float
    sd_hu: float
    voxel_count: int = Field(ge=1)
    texture: TextureName | None = Field(
        default=None, description="By the share of solid voxels; None in files without it"
    )
    solid_share: float | None = Field(
        default=None, ge=0, le=1, description="Of the voxels apart from the border"
    )
    solid_volume_mm3: float | None = Field(
        default=None, ge=0, description="Of the largest solid part; 0 without one"
    )
    solid_longest_diameter_mm: float | None = Field(
        default=None, ge=0, description="Longest axial diameter of that part"
    )
    solid_mean_diameter_mm: float | None = Field(
        default=None, ge=0, description="Mean of both axes of that part"
    )
    calcified_share: float | None = Field(
        default=None, ge=0, le=1, description="Of all voxels of the mask"
    )
    calcification: CalcificationName | None = Field(
        default=None,
        description="Where calcified voxels lie; 'other' may be a benign pattern or not; None is"
        " not assessed (thick slices)",
    )
    fat_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Of the core's voxels, by Hounsfield units; None is not assessed (thick slices,"
        " not solid)",
    )
    cavity_volume_mm3: float | None = Field(
        default=None, ge=0, description="Of enclosed air; None is not assessed (thick slices)"
    )
    pleura_distance_mm: float | None = Field(
        default=None,
        ge=0,
        description="From its nearest voxel to the surface of its lung; 40 stands for more; good to"
        " about 2.5 mm; None is not assessed: the surface is not known there",
    )
    juxtapleural: bool | None = Field(
        default=None,
        description="That distance is small enough to touch; says nothing of its form; None is not"
        " assessed",
    )
    kind: KindName | None = Field(
        default=None,
        description="By diameter and form: above 30 mm it is a mass; None in files without it",
    )
    laterality: SideName | None = Field(
        default=None, description="Patient's side, by the lung that it lies in"
    )
    lobe: LobeName | None = Field(
        default=None, description="Where fissures or the place in the lung leave no doubt"
    )
    possible_lobes: tuple[LobeName, ...] = Field(
        default=(),
        description="Where the finding may lie, from above; one where lobe is told, all of the"
        " lung's where nothing tells, none without a side and in files without them",
    )
    suspicious: bool = Field(description="malignancy_probability is at or over its operating point")
    characteristics: tuple[Characteristic, ...] = Field(
        default=(),
        description="As a network predicts the readers' ratings; none for masses and in files"
        " without them",
    )
    explanations: tuple[Explanation, ...] = Field(
        default=(), description="On request: what the two classifiers' answers rest on"
    )
    seen_by: tuple[Sighting, ...] = Field(
        default=(),
        description="Which sources of candidates marked it; left out where the chain's own"
        " segmentation was the only source",
    )
    outlined_by: OutlinedBy | None = Field(
        default=None, description="How the outline was made; left out as seen_by is"
    )


class CandidateRecord(_WithoutEmpty):
    """One candidate with what became of it."""

    center_lps_mm: LpsPoint
    volume_mm3: float
    segmentation_probability: Probability
    nodule_probability: Probability | None
    classifier_probability: Probability | None = None
    kept: bool
    reason: str = Field(description="Why it was kept or dropped, in one sentence")
    finding_id: int | None = None
    seen_by: tuple[Sighting, ...] = Field(
        default=(), description="As of a finding; left out where there was one source"
    )


class SeriesChoice(_Frozen):
    """A series that was considered, and why it was taken or not."""

    series_uid: str
    chosen: bool
    reason: str


class VolumeInfo(_Frozen):
    """What was analysed."""

    source_format: Literal["dicom", "nifti", "mhd", "nrrd"]
    shape_irc: tuple[int, int, int]
    spacing_irc_mm: tuple[float, float, float]
    affine_lps: tuple[tuple[float, float, float, float], ...]
    lung_volume_ml: float | None = None
    right_lung_ml: float | None = Field(default=None, description="Aerated, as far as in the scan")
    left_lung_ml: float | None = Field(default=None, description="Aerated, as far as in the scan")
    emphysema_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Of the aerated lungs, below -950 HU; it depends on kernel, slice thickness,"
        " dose and breath, and is no diagnosis; None is not assessed",
    )
    emphysema_not_assessed: str | None = Field(default=None, description="Why not")
    lung_share: float | None = Field(
        default=None, ge=0, le=1, description="Of the lungs' volume, in the scan; an estimate"
    )
    lung_cut_cm2: tuple[float, float] | None = Field(
        default=None,
        description="Cross-section of the lungs where the scan's lower and upper end cut them",
    )
    convolution_kernel: str | None = None
    slice_thickness_mm: float | None = None
    manufacturer: str | None = None
    source_sha256: str | None = Field(
        default=None,
        description="Of the voxels and their place, where no study UID tells what was analysed;"
        " else left out",
    )

    @model_serializer(mode="wrap")
    def _without_what_is_left_out(
        self, serialize: SerializerFunctionWrapHandler
    ) -> dict[str, object]:
        content: dict[str, object] = serialize(self)
        if self.source_sha256 is None:
            del content["source_sha256"]
        return content


class StudyResult(_WithoutEmpty):
    """findings.json."""

    schema_version: str = SCHEMA_VERSION
    nodulus_version: str
    created: str = Field(description="ISO 8601, UTC")
    disclaimer: str = "Research software, not a medical device. Assists a reader; decides nothing."
    study_uid: str | None
    series_uid: str
    volume: VolumeInfo
    series_considered: tuple[SeriesChoice, ...] = ()
    models: tuple[ModelInfo, ...]
    operating_points: tuple[OperatingPoint, ...]
    warnings: tuple[ResultWarning, ...] = ()
    timings_s: dict[str, float] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = Field(description="Ranked by malignancy, highest first")
    candidates: tuple[CandidateRecord, ...] = ()
    candidate_sources: tuple[CandidateSourceInfo, ...] = Field(
        default=(),
        description="Where candidates came from; left out where the chain's own segmentation was"
        " the only source",
    )
    guidance: Guidance | None = Field(
        default=None,
        description="What guidelines and risk models say; None in files without it",
    )
    files: dict[str, str] = Field(default_factory=dict, description="What was written beside this")
    files_left_out: dict[str, str] = Field(
        default_factory=dict, description="What was not written, and why"
    )

    def voxel_threshold(self) -> float | None:
        """The segmentation's probability from which a voxel counted; None where it is not told."""
        points = [p.threshold for p in self.operating_points if p.name == "segmentation_voxel"]
        return points[0] if points else None
