"""What the chain returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.lung_coverage import WHOLE, LungCoverage
from nodulus.app.explanation import CandidateCrops, Sensitivity
from nodulus.app.result import CandidateRecord, CandidateSourceInfo, Finding
from nodulus.app.volume import VolumeWarning
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion


@dataclass(frozen=True, eq=False)
class Analysis:
    """The outcome for one volume.

    Args:
        findings: ranked by malignancy, highest first; ``id`` is the rank from 1.
        labels: uint8 (uint16 above 255 findings), shape (I, R, C) of the volume: a finding's id in
            its voxels, 0 elsewhere.
        candidates: every candidate of the segmenter, kept or not, with the reason.
        lungs: the lung region.
        probability: float32, segmentation probability on ``probability_geometry``, axes
            (I, R, C) of that geometry.
        probability_geometry: the network's grid within the volume.
        warnings: what a reader should know.
        coverage: how much of the lungs the scan shows.
        timings_s: seconds of each step.
        sensitivities: where they were asked for, two a finding: what the classifiers' answers
            rest on.
        crops: where they were asked for, what the classifiers saw of the first so many of
            ``candidates``, in their order; the others reached no classifier.
        sources: where candidates came from, where others than the segmentation took part.
    """

    findings: tuple[Finding, ...]
    labels: NDArray[np.uint8] | NDArray[np.uint16]
    candidates: tuple[CandidateRecord, ...]
    lungs: LungRegion
    probability: NDArray[np.float32]
    probability_geometry: Geometry
    warnings: tuple[VolumeWarning, ...]
    timings_s: dict[str, float]
    sensitivities: tuple[Sensitivity, ...] = ()
    crops: tuple[CandidateCrops, ...] = ()
    coverage: LungCoverage = WHOLE
    sources: tuple[CandidateSourceInfo, ...] = ()
