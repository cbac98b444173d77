"""The findings as a DICOM structured report: Comprehensive 3D SR after TID 1500 (PS3.16)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from nodulus.app.guidelines.rounding import mean_diameter_mm
from nodulus.app.result import Finding, LpsPoint, StudyResult
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.dicom_seg import segment_label
from nodulus.app.results.image_library import image_library
from nodulus.app.results.label_boxes import Labels, planes_by_label
from nodulus.app.results.sources import SourceHeaders
from nodulus.app.results.sr_document import sr_document
from nodulus.app.results.sr_guidance import (
    advice_texts,
    category_evaluations,
    guidance_of,
    risk_measurements,
)
from nodulus.app.results.sr_measures import (
    algorithm,
    contents,
    form_evaluations,
    lung_group,
    number,
    solid_component,
)


def build_sr(
    sources: SourceHeaders,
    result: StudyResult,
    uid: UUID,
    planes: Labels | None,
) -> Dataset:
    """Make the structured report: preliminary, unverified, one measurement group a finding.

    With a segmentation a group is a volumetric ROI (TID 1411) that refers to its segment; else
    it is a plain measurement group (TID 1501) whose axes are given as 3D coordinates. Without
    a finding one group says that the search succeeded and found nothing. What guidelines ask for of
    the study, the disclaimer and each warning are comments; of a finding the guidelines' categories
    are coded evaluations and risk models' probabilities measurements, under names of their own.

    Args:
        sources: the headers of the source.
        result: the study's result.
        uid: what the UIDs of the study's derived objects are made of.
        planes: shape (planes, R, C): where each segment of the segmentation has a value on the
            source's images, so that they can be named; None where there is no segmentation.

    Returns:
        The data set, ready to be saved.
    """
    seg = (
        None if planes is None else reference_to_seg(sources, derived.object_uids(uid, derived.SEG))
    )
    touched = {} if planes is None else planes_by_label(planes)
    groups: list[Any] = [
        _without_segment(finding, result, sources)
        if seg is None or finding.id not in touched
        else _with_segment(finding, result, sources, seg, touched[finding.id])
        for finding in result.findings
    ]
    texts = [
        *advice_texts(result.guidance),
        result.disclaimer,
        *(f"Warning: {warning.message}" for warning in result.warnings),
    ]
    return sr_document(
        [*(groups or [_nothing_found(result, uid)]), *lung_group(result, uid)],
        context=hd.sr.ObservationContext(observer_device_context=derived.observer(result)),
        library=image_library(sources),
        comments=texts,
        evidence=[*sources.datasets, *([] if seg is None else [seg])],
        attributes=derived.common(derived.SR, result, derived.object_uids(uid, derived.SR)),
    )


def reference_to_seg(sources: SourceHeaders, uids: derived.ObjectUids) -> Dataset:
    """Give a segmentation as far as a reference needs it, whether or not it is made already.

    Args:
        sources: the images that it is of.
        uids: of the segmentation.
    """
    seg = Dataset()
    seg.SOPClassUID = SegmentationStorage
    seg.SOPInstanceUID = uids.instance
    seg.StudyInstanceUID = sources.datasets[0].StudyInstanceUID
    seg.SeriesInstanceUID = uids.series
    return seg


def _with_segment(
    finding: Finding, result: StudyResult, sources: SourceHeaders, seg: Dataset, planes: list[int]
) -> Any:
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=seg.SOPClassUID,
            sop_instance_uid=seg.SOPInstanceUID,
            segment_number=finding.id,
            source_images=referenced_images(sources, planes),
        ),
        measurements=measurements(finding, result, None),
        **_common(finding, result),
    )


def _without_segment(finding: Finding, result: StudyResult, sources: SourceHeaders) -> Any:
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        measurements=measurements(finding, result, sources.frame_of_reference_uid),
        **_common(finding, result),
    )


def _common(finding: Finding, result: StudyResult) -> dict[str, Any]:
    """What both kinds of measurement group say."""
    return {
        "tracking_identifier": hd.sr.TrackingIdentifier(
            uid=finding.tracking_uid, identifier=segment_label(finding)
        ),
        "finding_category": codes.ABNORMAL_STRUCTURE,
        "finding_type": codes.NODULE,
        "finding_sites": [
            hd.sr.FindingSite(
                codes.region_code(finding.lobe),
                laterality=codes.laterality_code(finding.laterality),
            )
        ],
        "algorithm_id": algorithm(result, result.candidate_sources, finding),
        "qualitative_evaluations": [
            hd.sr.QualitativeEvaluation(
                codes.SUSPICIOUS, codes.YES if finding.suspicious else codes.NO
            ),
            *(
                [hd.sr.QualitativeEvaluation(codes.TEXTURE, codes.TEXTURES[finding.texture])]
                if finding.texture is not None
                else []
            ),
            *form_evaluations(finding),
            *category_evaluations(guidance_of(result.guidance, finding.id)),
        ],
    }


def sizes(finding: Finding, frame_of_reference_uid: str | None) -> list[Any]:
    """Give volume, axes and mean diameter of a finding.

    Args:
        finding: of a result.
        frame_of_reference_uid: of the source, for the axes' coordinates; None to leave them out.
    """

    def axis(ends: tuple[LpsPoint, LpsPoint]) -> list[Any] | None:
        if frame_of_reference_uid is None:
            return None
        return [
            hd.sr.CoordinatesForMeasurement3D(
                hd.sr.GraphicTypeValues3D.POLYLINE, np.asarray(ends), frame_of_reference_uid
            )
        ]

    return [
        number(codes.VOLUME, finding.volume_mm3, codes.CUBIC_MILLIMETER),
        number(
            codes.LONG_AXIS,
            finding.longest_diameter_mm,
            codes.MILLIMETER,
            referenced_coordinates=axis(finding.longest_diameter_ends_lps_mm),
        ),
        number(
            codes.SHORT_AXIS,
            finding.perpendicular_diameter_mm,
            codes.MILLIMETER,
            referenced_coordinates=axis(finding.perpendicular_diameter_ends_lps_mm),
        ),
        number(
            codes.MEAN_DIAMETER,
            mean_diameter_mm(finding.longest_diameter_mm, finding.perpendicular_diameter_mm),
            codes.MILLIMETER,
        ),
    ]


def measurements(
    finding: Finding, result: StudyResult, frame_of_reference_uid: str | None
) -> list[Any]:
    """Give what was measured of a finding.

    Args:
        finding: of the result.
        result: of the chain.
        frame_of_reference_uid: of the source, for the axes' coordinates; None to leave them out.
    """
    return [
        *sizes(finding, frame_of_reference_uid),
        number(codes.ATTENUATION, finding.mean_hu, codes.HOUNSFIELD_UNIT, derivation=codes.MEAN),
        number(
            codes.ATTENUATION,
            finding.sd_hu,
            codes.HOUNSFIELD_UNIT,
            derivation=codes.STANDARD_DEVIATION,
        ),
        *solid_component(finding),
        *contents(finding),
        number(codes.CERTAINTY_OF_FINDING, 100 * finding.nodule_probability, codes.PERCENT),
        number(codes.PROBABILITY_OF_CANCER, 100 * finding.malignancy_probability, codes.PERCENT),
        *risk_measurements(guidance_of(result.guidance, finding.id)),
    ]


def _nothing_found(result: StudyResult, uid: UUID) -> Any:
    """A group that says so; without a finding type, which would read as a nodule."""
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=derived.derived_uid(uid, "search"), identifier="Search for lung nodules"
        ),
        finding_sites=[hd.sr.FindingSite(codes.LUNG)],
        algorithm_id=algorithm(result, result.candidate_sources),
        qualitative_evaluations=[
            hd.sr.QualitativeEvaluation(codes.SUMMARY_OF_DETECTIONS, codes.WITHOUT_FINDINGS)
        ],
    )


def referenced_images(sources: SourceHeaders, planes: list[int]) -> list[Any]:
    """Give the source images of a segment, as its reference names them.

    Args:
        sources: the headers of the source.
        planes: of the source that it touches.
    """
    if sources.is_multiframe:
        return [_source_reference(sources, [plane + 1 for plane in planes])]
    return [_source_reference(sources, plane=plane) for plane in planes]


def _source_reference(
    sources: SourceHeaders, frames: list[int] | None = None, *, plane: int = 0
) -> Any:
    dataset = sources.datasets[plane]
    return hd.sr.SourceImageForSegmentation(
        referenced_sop_class_uid=dataset.SOPClassUID,
        referenced_sop_instance_uid=dataset.SOPInstanceUID,
        referenced_frame_numbers=frames,
    )
