"""The nodules as a DICOM segmentation (PS3.3 A.51), binary or fractional, one segment a nodule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from nodulus.app.result import SEGMENTATION_SOURCE, Finding, StudyResult
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.label_boxes import Labels
from nodulus.app.results.probability import MAX_FRACTIONAL_VALUE
from nodulus.app.results.sources import SourceHeaders

_LONGEST_TEXT = 64
"""Characters of a long string (LO)."""
AlgorithmType = hd.seg.SegmentAlgorithmTypeValues


def segment_label(finding: Finding) -> str:
    """Give the name of a finding in SEG, SR and report, such as ``Nodule 1``."""
    return f"Nodule {finding.id}"


def build_seg(
    planes: Labels,
    sources: SourceHeaders,
    result: StudyResult,
    uids: derived.ObjectUids,
    *,
    fractions: NDArray[np.uint8] | None = None,
    all_frames: bool = False,
    series: derived.DerivedSeries = derived.SEG,
    made_by: Mapping[int, AlgorithmType] | None = None,
    creator: str = "Nodulus^",
) -> Dataset:
    """Make the segmentation; segment numbers are finding ids.

    Args:
        planes: shape (planes, R, C), the labels on the source's images or frames; at least one
            pixel has one.
        sources: the headers of the source.
        result: the study's result; its ids are 1, 2, ... without a gap.
        uids: of the object.
        fractions: shape of ``planes``; what a fractional segmentation says where ``planes`` has a
            label, 0 to `MAX_FRACTIONAL_VALUE`. None for a binary one.
        all_frames: keep the frames in which a segment is empty.
        series: that it is in.
        made_by: how each segment was made, by its number; automatically where it is not named.
        creator: a person name, of who answers for the content.

    Returns:
        The data set, ready to be saved.

    Raises:
        ValueError: no finding, or ids with a gap.
    """
    findings = sorted(result.findings, key=lambda finding: finding.id)
    if [finding.id for finding in findings] != list(range(1, len(findings) + 1)) or not findings:
        raise ValueError(f"finding ids must be 1 to n, got {[f.id for f in findings]}")
    seg = hd.seg.Segmentation(
        source_images=list(sources.datasets),
        pixel_array=planes,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(finding, result, (made_by or {}).get(finding.id, AlgorithmType.AUTOMATIC))
            for finding in findings
        ],
        instance_number=1,
        content_label="NODULES",
        content_description="Lung nodules found by software, for research",
        content_creator_name=creator,
        omit_empty_frames=not all_frames,
        **derived.common(series, result, uids),
    )
    if fractions is not None:
        _make_fractional(seg, planes, fractions, sources)
    return seg


def _make_fractional(
    seg: Any, planes: Labels, fractions: NDArray[np.uint8], sources: SourceHeaders
) -> None:
    """Put probabilities in the place of the masks.

    Not left to highdicom, which wants an array of all planes times all segments: gigabytes.
    """
    place = {str(image.SOPInstanceUID): plane for plane, image in enumerate(sources.datasets)}
    frames = np.zeros((seg.NumberOfFrames, *planes.shape[1:]), dtype=np.uint8)
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        plane = (
            int(source.ReferencedFrameNumber) - 1
            if sources.is_multiframe
            else place[str(source.ReferencedSOPInstanceUID)]
        )
        np.copyto(frame, fractions[plane], where=planes[plane] == number)
    seg.SegmentationType = hd.seg.SegmentationTypeValues.FRACTIONAL.value
    seg.SegmentationFractionalType = hd.seg.SegmentationFractionalTypeValues.PROBABILITY.value
    seg.MaximumFractionalValue = MAX_FRACTIONAL_VALUE
    seg.BitsAllocated = seg.BitsStored = 8
    seg.HighBit = 7
    data = frames.tobytes()
    seg.PixelData = data + b"\0" * (len(data) % 2)


def _algorithm(finding: Finding, result: StudyResult) -> Any:
    """What has outlined a finding: Nodulus, or the source whose mask it is."""
    names = [one.source for one in finding.seen_by if one.source != SEGMENTATION_SOURCE]
    if finding.outlined_by != "source" or not names:
        return hd.AlgorithmIdentificationSequence(
            name="Nodulus",
            family=codes.AI_FAMILY,
            version=result.nodulus_version,
            source="Nodulus",
        )
    known = {one.name: one.algorithm for one in result.candidate_sources}
    return hd.AlgorithmIdentificationSequence(
        name=(known.get(names[0]) or names[0])[:_LONGEST_TEXT],
        family=codes.AI_FAMILY,
        version="unknown",
        parameters={"source of candidates": names[0]},
    )


def _description(finding: Finding, result: StudyResult, made_by: AlgorithmType) -> Any:
    description = hd.seg.SegmentDescription(
        segment_number=finding.id,
        segment_label=segment_label(finding),
        segmented_property_category=codes.ABNORMAL_STRUCTURE,
        segmented_property_type=codes.NODULE,
        algorithm_type=made_by,
        algorithm_identification=None
        if made_by == AlgorithmType.MANUAL
        else _algorithm(finding, result),
        tracking_uid=finding.tracking_uid,
        tracking_id=segment_label(finding),
        anatomic_regions=[codes.region_code(finding.lobe)],
        display_color=hd.color.CIELabColor.from_rgb(*finding_rgb(finding.id)),
    )
    side = codes.laterality_code(finding.laterality)
    if side is not None:
        region = description.AnatomicRegionSequence[0]
        region.AnatomicRegionModifierSequence = [hd.sr.CodedConcept.from_code(side)]
    return description
