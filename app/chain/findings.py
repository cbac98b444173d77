"""Findings from the candidates that passed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.laterality import laterality
from nodulus.app.chain.lobe import Lobes
from nodulus.app.chain.protocols import Outline
from nodulus.app.chain.settings import OperatingPoints, PipelineSettings
from nodulus.app.guidelines.rounding import mean_diameter_mm
from nodulus.app.result import Characteristic, Finding
from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate
from nodulus.transforms.lesion_kind import lesion_kind
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.measurements import measure
from nodulus.transforms.nodule_contents import ContentsRule, contents
from nodulus.transforms.pleura_distance import pleura_distance_mm
from nodulus.transforms.texture_class import Texture, composition

Labels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Ratings:
    """What the networks say of a place.

    Args:
        nodule: pooled from the segmentation's and the nodule classifier's.
        classifier: the nodule classifier's alone.
        segmentation: the highest voxel probability.
        malignancy: pooled with the size.
        characteristics: what the malignancy network says of its looks.
    """

    nodule: float
    classifier: float
    segmentation: float
    malignancy: float
    characteristics: tuple[Characteristic, ...] = ()


@dataclass(frozen=True, eq=False)
class Scored:
    """A candidate with its outline on the volume's grid and what the classifiers say."""

    candidate: Candidate
    outline: Outline
    nodule_probability: float
    classifier_probability: float
    malignancy_probability: float
    characteristics: tuple[Characteristic, ...] = ()

    @property
    def ratings(self) -> Ratings:
        """All of it."""
        return Ratings(
            self.nodule_probability,
            self.classifier_probability,
            self.candidate.peak_probability,
            self.malignancy_probability,
            self.characteristics,
        )


def build_findings(
    volume: CtVolume,
    scored: Sequence[Scored],
    lungs: LungRegion,
    points: OperatingPoints,
    pipeline: PipelineSettings,
) -> tuple[list[Finding | None], Labels]:
    """Rank and measure.

    Args:
        volume: as it was read.
        scored: candidates that passed, in any order.
        lungs: for the side and the lobe.
        points: the operating points.
        pipeline: thresholds of what is said of a finding.

    Returns:
        For each of ``scored`` its finding, or None where higher ones own all its voxels; ids from 1
        on by falling malignancy (then nodule probability, then place). And the label volume,
        shape of the volume: a voxel that two findings claim is the higher one's.
    """
    order = sorted(
        range(len(scored)),
        key=lambda n: (
            -scored[n].malignancy_probability,
            -scored[n].nodule_probability,
            scored[n].candidate.center_mm,
        ),
    )
    labels: Labels = np.zeros(volume.hu.shape, np.uint8 if len(scored) < 256 else np.uint16)
    findings: list[Finding | None] = [None] * len(scored)
    lobes = Lobes(volume, lungs, pipeline.lobe, pipeline.fissures)
    number = 0
    for position in order:
        one = scored[position]
        box = one.outline.box
        mask = one.outline.mask & (labels[box] == 0)
        if not mask.any():  # every voxel is a higher-ranked finding's: the same thing twice
            continue
        number += 1
        labels[box][mask] = number
        findings[position] = measured_finding(
            number, one.ratings, volume, box, mask, lungs, lobes, points, pipeline
        )
    return findings, labels


def measured_finding(
    number: int,
    ratings: Ratings,
    volume: CtVolume,
    box: Box,
    mask: NDArray[np.bool_],
    lungs: LungRegion,
    lobes: Lobes,
    points: OperatingPoints,
    pipeline: PipelineSettings,
) -> Finding:
    """Measure one mask on the scanner's grid.

    Args:
        number: the finding's id.
        ratings: of the networks.
        volume: as it was read.
        box: of the volume.
        mask: bool, shape of the box, at least one voxel.
        lungs: for the side.
        lobes: of the scan.
        points: the operating points.
        pipeline: what decides the texture, the kind, the side and the lobe.
    """
    part = volume.geometry.cropped([s.start for s in box], mask.shape)
    size = measure(volume.hu[box], mask, part)
    made_of = composition(volume.hu[box], mask, part, pipeline.texture.rule())
    held = _held(volume, pipeline)
    holds = None if held is None else contents(volume.hu[box], mask, part, held)
    i, r, c = (float(v) for v in volume.geometry.lps_to_index(size.center_lps_mm))
    distance = pleura_distance_mm(
        lungs, part.index_to_lps(np.argwhere(mask)), pipeline.pleura.rule()
    )
    side = laterality(lungs, size.center_lps_mm, pipeline.laterality)
    possible = lobes.possible(side, size.center_lps_mm)
    return Finding(
        id=number,
        tracking_uid=_tracking_uid(volume.series_uid, size.center_lps_mm),
        center_lps_mm=size.center_lps_mm,
        center_index_irc=(i, r, c),
        nodule_probability=ratings.nodule,
        malignancy_probability=ratings.malignancy,
        segmentation_probability=ratings.segmentation,
        classifier_probability=ratings.classifier,
        longest_diameter_mm=size.diameters.longest_mm,
        perpendicular_diameter_mm=size.diameters.perpendicular_mm,
        longest_diameter_ends_lps_mm=size.diameters.longest_ends_lps_mm,
        perpendicular_diameter_ends_lps_mm=size.diameters.perpendicular_ends_lps_mm,
        mean_diameter_mm=mean_diameter_mm(
            size.diameters.longest_mm, size.diameters.perpendicular_mm
        ),
        equivalent_diameter_mm=size.equivalent_diameter_mm,
        volume_mm3=size.volume_mm3,
        mean_hu=size.mean_hu,
        sd_hu=size.sd_hu,
        voxel_count=size.voxel_count,
        texture=made_of.texture.value,
        solid_share=made_of.solid_share,
        solid_volume_mm3=made_of.solid_volume_mm3,
        solid_longest_diameter_mm=made_of.solid_longest_diameter_mm,
        solid_mean_diameter_mm=made_of.solid_mean_diameter_mm,
        calcified_share=made_of.calcified_share,
        calcification=None if holds is None else holds.calcification.value,
        fat_share=(
            None if holds is None or made_of.texture is not Texture.SOLID else holds.fat_share
        ),
        cavity_volume_mm3=None if holds is None else holds.cavity_volume_mm3,
        pleura_distance_mm=None if distance is None else round(distance, 1),
        juxtapleural=None if distance is None else distance <= pipeline.pleura.touching_mm,
        kind=lesion_kind(mask, part, size.diameters.mean_mm, pipeline.lesion_kind.rule()).value,
        laterality=side,
        lobe=possible[0] if len(possible) == 1 else None,
        possible_lobes=possible,
        suspicious=ratings.malignancy >= points.malignancy.threshold,
        characteristics=ratings.characteristics,
    )


def _held(volume: CtVolume, pipeline: PipelineSettings) -> ContentsRule | None:
    """What counts as calcium, fat and air; None where slices are too thick to assess them."""
    if volume.geometry.spacing_irc_mm[0] > pipeline.contents.thickest_slices_mm:
        return None
    return pipeline.contents.rule(pipeline.texture)


def _tracking_uid(series_uid: str, center_lps_mm: Sequence[float]) -> str:
    """A UID under 2.25 (PS3.5 B.2) that is the same each time the same finding is made."""
    text = series_uid + "".join(f"/{v:.1f}" for v in center_lps_mm)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    return f"2.25.{number}"
