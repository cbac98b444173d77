"""The nodules as a DICOM segmentation (PS3.3 A.51): binary, one segment a nodule."""

from __future__ import annotations

from typing import Any

import highdicom as hd
from pydicom import Dataset
from pydicom.uid import generate_uid

from app.results import codes
from app.results.colors import finding_rgb
from app.results.model import Finding, StudyResult
from app.results.source_masks import Labels
from app.results.sources import SourceHeaders

SEG_SERIES_NUMBER = 9801
DEVICE_SERIAL_NUMBER = "none"


def segment_label(finding: Finding) -> str:
    """Give the name of a finding in SEG, SR and report, such as ``Nodule 1``."""
    return f"Nodule {finding.id}"


def build_seg(
    planes: Labels, sources: SourceHeaders, result: StudyResult, *, all_frames: bool = False
) -> Dataset:
    """Make the segmentation; segment numbers are finding ids.

    Args:
        planes: shape (planes, R, C), the labels on the source's images or frames.
        sources: the headers of the source.
        result: the study's result; its ids are 1, 2, ... without a gap.
        all_frames: keep the frames in which a segment is empty.

    Returns:
        The data set, ready to be saved.

    Raises:
        ValueError: no finding, or ids with a gap.
    """
    findings = sorted(result.findings, key=lambda finding: finding.id)
    if [finding.id for finding in findings] != list(range(1, len(findings) + 1)) or not findings:
        raise ValueError(f"finding ids must be 1 to n, got {[f.id for f in findings]}")
    return hd.seg.Segmentation(
        source_images=list(sources.datasets),
        pixel_array=planes,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(finding, result) for finding in findings],
        series_instance_uid=generate_uid(prefix=None),
        series_number=SEG_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer="Nodulus",
        manufacturer_model_name="Nodulus",
        software_versions=result.nodulus_version,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        content_label="NODULES",
        content_description="Lung nodules found by software, for research",
        content_creator_name="Nodulus^",
        series_description="Nodulus nodules (research)",
        omit_empty_frames=not all_frames,
        specific_character_set="ISO_IR 192",
    )


def _description(finding: Finding, result: StudyResult) -> Any:
    description = hd.seg.SegmentDescription(
        segment_number=finding.id,
        segment_label=segment_label(finding),
        segmented_property_category=codes.ABNORMAL_STRUCTURE,
        segmented_property_type=codes.NODULE,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="Nodulus",
            family=codes.AI_FAMILY,
            version=result.nodulus_version,
            source="Nodulus",
        ),
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
