"""Candidates from the probability map, and what became of each, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.settings import ChainSettings
from nodulus.app.result import SEGMENTATION_SOURCE, CandidateRecord, Finding, Sighting
from nodulus.transforms.candidates import Candidate, group_candidates, merge_candidates
from nodulus.transforms.eroded_candidates import group_eroded
from nodulus.transforms.geometry import Geometry


def find_candidates(
    probability: NDArray[np.float32],
    grid: Geometry,
    region: NDArray[np.bool_],
    settings: ChainSettings,
    mass: NDArray[np.floating] | None = None,
) -> tuple[list[Candidate], list[CandidateRecord]]:
    """Group the voxels, join pieces of one nodule, keep the most probable ones.

    Groups are found by hysteresis, or after erosion where the settings ask for it.

    Args:
        probability: on ``grid``.
        grid: its affine gives the candidates' centres in LPS mm.
        region: the lungs, same shape.
        settings: thresholds, erosions, least volume, gap to join over, most candidates.
        mass: not negative, same shape: eroded groups' centres are centres of mass of it.

    Returns:
        Candidates by falling probability, and records of those dropped before any classifier.
    """
    points, pipeline = settings.operating_points, settings.pipeline
    if pipeline.erosions:
        eroded = group_eroded(
            probability,
            grid.affine_lps,
            threshold=points.segmentation_voxel.threshold,
            erosions=pipeline.erosions,
            weight=mass,
            region=region,
        )
        peak = points.segmentation_peak.threshold
        groups = [c for c in eroded if c.peak_probability >= peak]
    else:
        groups = group_candidates(
            probability,
            grid.affine_lps,
            threshold=points.segmentation_voxel.threshold,
            peak_threshold=points.segmentation_peak.threshold,
            region=region,
        )
    merged = (
        groups
        if pipeline.merge_gap_mm is None
        else merge_candidates(groups, probability, grid.affine_lps, gap_mm=pipeline.merge_gap_mm)
    )
    small = [c for c in merged if c.volume_mm3 < pipeline.min_candidate_volume_mm3]
    large = [c for c in merged if c.volume_mm3 >= pipeline.min_candidate_volume_mm3]
    dropped = [
        record_of(
            c, None, None, None, f"dropped: smaller than {pipeline.min_candidate_volume_mm3:g} mm3"
        )
        for c in small
    ] + [
        record_of(
            c, None, None, None, f"dropped: not among the {pipeline.max_candidates} most probable"
        )
        for c in large[pipeline.max_candidates :]
    ]
    return large[: pipeline.max_candidates], dropped


def steady_center(
    candidate: Candidate, probability: NDArray[np.float32], threshold: float
) -> tuple[float, float, float]:
    """Where a classifier looks at a candidate: a centre that rounding does not move.

    Voxels weigh by how far they are above the threshold, so that one that just crosses it counts
    for nothing, while in the centre of mass it would count in full.

    Args:
        candidate: a group of voxels.
        probability: the volume that it came from.
        threshold: that its voxels reach.

    Returns:
        Fractional index of ``probability``.
    """
    index = np.argwhere(candidate.mask) + [s.start for s in candidate.box]
    # No weight is 0: all voxels may lie right at the threshold.
    weight = probability[candidate.box][candidate.mask].astype(np.float64) - threshold + 1e-3
    x, y, z = (float(v) for v in weight @ index / weight.sum())
    return x, y, z


def describe_candidates(
    candidates: Sequence[Candidate],
    nodule_probability: NDArray[np.float64],
    classifier_probability: NDArray[np.float64],
    findings: Sequence[Finding | None],
    threshold: float,
    masses: Collection[int] = (),
    seen_by: Sequence[Sequence[Sighting]] = (),
) -> list[CandidateRecord]:
    """Records of the candidates that the nodule classifier saw.

    Args:
        candidates: in the order of the other two.
        nodule_probability: of each, from both networks.
        classifier_probability: of each, from the nodule classifier alone.
        findings: what each became, None for nothing.
        threshold: the operating point of the nodule probability.
        masses: which of the candidates are kept whatever that is.
        seen_by: of each, where several sources took part.
    """
    marked = seen_by or [()] * len(candidates)
    records = []
    rows = zip(
        candidates, nodule_probability, classifier_probability, findings, marked, strict=True
    )
    for n, (candidate, p, alone, finding, marks) in enumerate(rows):
        if finding is not None and n in masses:
            names = [one.source for one in marks]
            who = (
                "two coarse looks agree on"
                if not names or SEGMENTATION_SOURCE in names
                else f"{names[0]} outlines"
            )
            reason = f"kept: a mass that {who}; nodule probability {p:.3f}"
        elif finding is not None:
            reason = f"kept: nodule probability {p:.3f} is at or above {threshold:.3f}"
        elif p < threshold and n not in masses:
            reason = f"dropped: nodule probability {p:.3f} is below {threshold:.3f}"
        else:
            reason = "dropped: all of its voxels belong to a finding of higher rank"
        records.append(record_of(candidate, float(p), float(alone), finding, reason, marks))
    return records


def record_of(
    candidate: Candidate,
    nodule_probability: float | None,
    classifier_probability: float | None,
    finding: Finding | None,
    reason: str,
    seen_by: Sequence[Sighting] = (),
) -> CandidateRecord:
    """What became of a candidate.

    Args:
        candidate: as it was found.
        nodule_probability: None where no classifier saw it.
        classifier_probability: likewise.
        finding: what it became; None for nothing.
        reason: in words.
        seen_by: which sources mark it, where several took part.
    """
    return CandidateRecord(
        center_lps_mm=candidate.center_mm,
        volume_mm3=candidate.volume_mm3,
        segmentation_probability=candidate.peak_probability,
        nodule_probability=nodule_probability,
        classifier_probability=classifier_probability,
        kept=finding is not None,
        reason=reason,
        finding_id=None if finding is None else finding.id,
        seen_by=tuple(seen_by),
    )
