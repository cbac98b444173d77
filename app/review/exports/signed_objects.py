"""A signed-off review as DICOM objects: the SR of the person, the SEG of the corrected masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import highdicom as hd
from pydicom import Dataset
from pydicom.sr.coding import Code

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.dicom_seg import AlgorithmType, build_seg
from nodulus.app.results.dicom_sr import (
    measurements,
    reference_to_seg,
    referenced_images,
)
from nodulus.app.results.encode import encode_object
from nodulus.app.results.image_library import image_library
from nodulus.app.results.label_boxes import Labels, planes_by_label
from nodulus.app.results.source_masks import labels_on_source
from nodulus.app.results.sources import SourceHeaders, read_source_headers
from nodulus.app.results.sr_document import Verification, sr_document
from nodulus.app.results.sr_guidance import advice_texts, category_evaluations, guidance_of
from nodulus.app.results.sr_measures import algorithm
from nodulus.app.results.warning_filter import without_identity_in_warnings
from nodulus.app.review.entries import OutlinedBy, RejectionReason
from nodulus.app.review.images import StudyImages
from nodulus.app.review.outlines import current_labels
from nodulus.app.review.review_state import ReviewedFinding, ReviewState, SignOff
from nodulus.app.review.reviewed_guidance import reviewed_guidance

_REASONS: Mapping[RejectionReason, Code] = {
    "vessel": codes.VESSEL,
    "scar": codes.SCAR,
    "lymph-node": codes.LYMPH_NODE,
    "artefact": codes.ARTEFACT,
    "atelectasis": codes.ATELECTASIS,
    "pleura": codes.PLEURA,
    "infection": codes.INFECTION,
    "motion": codes.MOTION,
    "other": codes.OTHER,
}
_MADE_BY: Mapping[OutlinedBy, AlgorithmType] = {
    "segmentation": AlgorithmType.AUTOMATIC,
    "segmentation-below-threshold": AlgorithmType.SEMIAUTOMATIC,
    "grown": AlgorithmType.SEMIAUTOMATIC,
    "ball": AlgorithmType.SEMIAUTOMATIC,
    "resized": AlgorithmType.SEMIAUTOMATIC,
    "reader": AlgorithmType.MANUAL,
}


@dataclass(frozen=True, eq=False)
class SignedStudy:
    """What the objects of a signed-off study are made of.

    Args:
        result: of the chain.
        state: signed off.
        images: of the study.
        name: names the analysis, and the reading of it.
        organization: of the reader, as the SR's verification has it.
    """

    result: StudyResult
    state: ReviewState
    images: StudyImages
    name: str
    organization: str

    @property
    def sign_off(self) -> SignOff:
        """Who signed, and when.

        Raises:
            NodulusError: ``not-signed-off``.
        """
        if self.state.signed_off is None:
            raise NodulusError(
                ErrorCode.NOT_SIGNED_OFF,
                "The study is not signed off.",
                remedy="Sign it off first.",
            )
        return self.state.signed_off

    @property
    def uid(self) -> UUID:
        """What the objects' UIDs are made of: the same for the same state of the review."""
        return uuid5(NAMESPACE_OID, f"{self.name}/{self.state.version}")


@dataclass(frozen=True, eq=False)
class _Segments:
    """The findings with a mask, numbered from 1 on.

    Args:
        findings: what the reader let stand, ``id`` being the segment's number.
        numbers: the segment of each, by the finding's id in the review.
        planes: shape (planes, R, C) of the source: the segments' numbers.
        made_by: how each segment was made, by its number.
    """

    findings: tuple[Finding, ...]
    numbers: Mapping[str, int]
    planes: Labels
    made_by: Mapping[int, AlgorithmType]


def encode_signed_seg(study: SignedStudy) -> bytes:
    """Make the segmentation of what the reader let stand, as the bytes of its file.

    Args:
        study: signed off.

    Raises:
        NodulusError: ``not-signed-off``; ``request-refused`` where the source is not DICOM, or
            no finding was left.
    """
    signed = study.sign_off
    sources = _sources(study)
    segments = _segments(study, sources)
    if not segments.findings:
        raise _refused("No finding was left that has a mask.", "Take the structured report.")
    with without_identity_in_warnings():
        made = build_seg(
            segments.planes,
            sources,
            study.result.model_copy(update={"findings": segments.findings}),
            derived.object_uids(study.uid, derived.REVIEW_SEG),
            series=derived.REVIEW_SEG,
            made_by=segments.made_by,
            creator=person_name(signed.who),
        )
        return encode_object(made, sources.patient_name, deidentified=False)


def encode_signed_sr(study: SignedStudy) -> bytes:
    """Make the structured report (TID 1500) with the person as its observer, as its file's bytes.

    Each finding of the chain is confirmed, changed, indeterminate or rejected. One that was
    rejected has no finding type, so that nobody who reads measurement groups takes it for a nodule.
    What guidelines and risk models say is that of `reviewed_guidance`, said as the chain's SR does.

    Args:
        study: signed off.

    Raises:
        NodulusError: ``not-signed-off``; ``request-refused`` where the source is not DICOM.
    """
    signed = study.sign_off
    sources = _sources(study)
    segments = _segments(study, sources)
    # What guidelines said was of the chain's findings; here it is of the reader's.
    guidance = reviewed_guidance(study.result, study.state)
    study = replace(study, result=study.result.model_copy(update={"guidance": guidance}))
    with without_identity_in_warnings():
        made = _build_sr(study, signed, sources, segments)
        return encode_object(made, sources.patient_name, deidentified=False)


def person_name(reader: str) -> str:
    """Give a reader's name as a DICOM person name (PS3.5 6.2): family, given.

    Args:
        reader: a person name already, a login, or words of which the last is the family name.
    """
    plain = "".join(c for c in reader if c.isprintable() and c not in "\\=")[:64].strip()
    if "^" in plain:
        return plain
    words = plain.split() or ["Unknown"]
    return "^".join([words[-1], " ".join(words[:-1])])


def _build_sr(
    study: SignedStudy, signed: SignOff, sources: SourceHeaders, segments: _Segments
) -> Dataset:
    name = person_name(signed.who)
    seg = None
    if segments.findings:
        seg = reference_to_seg(sources, derived.object_uids(study.uid, derived.REVIEW_SEG))
    touched = planes_by_label(segments.planes)
    groups = [
        _group(finding, study.result, sources, seg, segments, touched)
        for finding in study.state.findings
    ]
    person = hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept("121006", "DCM", "Person"),
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name=name),
    )
    uids = derived.object_uids(study.uid, derived.REVIEW_SR)
    return sr_document(
        groups or [_nothing_found(study)],
        context=hd.sr.ObservationContext(
            observer_person_context=person,
            observer_device_context=derived.observer(study.result),
        ),
        library=image_library(sources),
        comments=_comments(study),
        evidence=[*sources.datasets, *([] if seg is None else [seg])],
        attributes=derived.common(derived.REVIEW_SR, study.result, uids),
        verified=Verification(name, study.organization),
    )


def _group(
    reviewed: ReviewedFinding,
    result: StudyResult,
    sources: SourceHeaders,
    seg: Dataset | None,
    segments: _Segments,
    touched: Mapping[int, list[int]],
) -> Any:
    finding = reviewed.finding.model_copy(update={"id": reviewed.label})  # as guidance has it
    number = segments.numbers.get(reviewed.id)
    is_nodule = reviewed.decision != "rejected"
    common: dict[str, Any] = {
        "tracking_identifier": hd.sr.TrackingIdentifier(
            uid=finding.tracking_uid, identifier=_name(reviewed)
        ),
        "finding_sites": [
            hd.sr.FindingSite(
                codes.region_code(finding.lobe),
                laterality=codes.laterality_code(finding.laterality),
            )
        ],
        # What the reader has outlined, no algorithm has found.
        "algorithm_id": algorithm(result) if reviewed.source == "chain" else None,
        "qualitative_evaluations": [
            *_evaluations(reviewed),
            *category_evaluations(guidance_of(result.guidance, finding.id)),
        ],
    }
    if is_nodule:
        common |= {"finding_category": codes.ABNORMAL_STRUCTURE, "finding_type": codes.NODULE}
    rating = [] if reviewed.malignancy is None else [_rating(reviewed.malignancy)]
    if seg is None or number is None or number not in touched:
        measured = measurements(finding, result, sources.frame_of_reference_uid)
        return hd.sr.MeasurementsAndQualitativeEvaluations(
            measurements=[*measured, *rating], **common
        )
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=seg.SOPClassUID,
            sop_instance_uid=seg.SOPInstanceUID,
            segment_number=number,
            source_images=referenced_images(sources, touched[number]),
        ),
        measurements=[*measurements(finding, result, None), *rating],
        **common,
    )


def _name(reviewed: ReviewedFinding) -> str:
    return f"Nodule {reviewed.label}"


def _evaluations(reviewed: ReviewedFinding) -> list[Any]:
    told = [hd.sr.QualitativeEvaluation(codes.READER_DECISION, _decision(reviewed))]
    if reviewed.rejection is not None:
        reason = _REASONS[reviewed.rejection.reason]
        told.append(hd.sr.QualitativeEvaluation(codes.REJECTION_REASON, reason))
    if reviewed.texture is not None:
        told.append(hd.sr.QualitativeEvaluation(codes.TEXTURE, codes.TEXTURES[reviewed.texture]))
    return told


def _decision(reviewed: ReviewedFinding) -> Code:
    if reviewed.decision == "rejected":
        return codes.REJECTED
    if reviewed.decision == "unsure":
        return codes.UNSURE
    if reviewed.source != "chain":
        return codes.ADDED
    return codes.CHANGED if reviewed.changed else codes.CONFIRMED


def _rating(malignancy: int) -> Any:
    return hd.sr.Measurement(name=codes.MALIGNANCY_RATING, value=malignancy, unit=codes.NO_UNITS)


def _nothing_found(study: SignedStudy) -> Any:
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=derived.derived_uid(study.uid, "search"), identifier="Search for lung nodules"
        ),
        finding_sites=[hd.sr.FindingSite(codes.LUNG)],
        algorithm_id=algorithm(study.result),
        qualitative_evaluations=[
            hd.sr.QualitativeEvaluation(codes.SUMMARY_OF_DETECTIONS, codes.WITHOUT_FINDINGS)
        ],
    )


def _comments(study: SignedStudy) -> list[str]:
    texts = advice_texts(study.result.guidance, "of what the reader did not reject")
    texts.append(study.result.disclaimer)
    texts += [f"Warning: {warning.message}" for warning in study.result.warnings]
    if study.state.comment:
        texts.append(study.state.comment)
    for finding in study.state.findings:
        texts += [f"{_name(finding)}: {finding.comment}"] if finding.comment else []
        if finding.rejection is not None and finding.rejection.text:
            texts.append(f"{_name(finding)}, rejected: {finding.rejection.text}")
        rated = ", ".join(f"{name} {value}" for name, value in finding.characteristics.items())
        texts += [f"{_name(finding)}, characteristics (LIDC-IDRI): {rated}"] if rated else []
    return texts


def _sources(study: SignedStudy) -> SourceHeaders:
    if not study.images.volume.source_images:
        raise _refused("The source is not DICOM.", "Take marks.csv or findings.csv.")
    sources = read_source_headers(study.images.volume)
    if sources.no_reference_because is not None:
        raise _refused(
            f"No DICOM object can refer to the images: {sources.no_reference_because}.",
            "Take marks.csv or findings.csv.",
        )
    return sources


def _segments(study: SignedStudy, sources: SourceHeaders) -> _Segments:
    volume = study.images.volume
    labels = current_labels(study.images.labels, study.state, only_nodules=True)
    kept = {f.label: f for f in study.state.findings if f.decision != "rejected"}
    planes = labels_on_source(
        labels,
        volume.geometry,
        sources,
        is_source_grid=volume.is_source_grid,
        finding_ids=list(kept),
    )
    shown = [label for label in sorted(planes_by_label(planes)) if label in kept]
    numbers = {label: number for number, label in enumerate(shown, start=1)}
    if numbers != {label: label for label in numbers}:
        renumbered = planes.copy()
        for label, number in numbers.items():
            renumbered[planes == label] = number
        planes = renumbered
    return _Segments(
        findings=tuple(
            kept[label].finding.model_copy(update={"id": number})
            for label, number in numbers.items()
        ),
        numbers={kept[label].id: number for label, number in numbers.items()},
        planes=planes,
        made_by={number: _MADE_BY[kept[label].outlined_by] for label, number in numbers.items()},
    )


def _refused(message: str, remedy: str) -> NodulusError:
    return NodulusError(ErrorCode.REQUEST_REFUSED, message, remedy=remedy)
