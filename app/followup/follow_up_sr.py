"""What has changed between two scans as a DICOM structured report after TID 1500 (PS3.16).

Each nodule has a measurement group (TID 1501) for each scan on which it was found. Both groups of
a nodule have one tracking identifier and UID, and each its time point (TID 1502). The group of the
current scan also holds what became of the nodule: the state, the changes, the doubling time with
its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import highdicom as hd
import numpy as np
from pydicom import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.followup.compare import AnalysedScan
from nodulus.app.followup.result import DoublingTime, FollowUp, NoduleChange, NoduleOnScan, State
from nodulus.app.result import Finding
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.dicom_sr import sizes
from nodulus.app.results.encode import encode_object
from nodulus.app.results.image_library import image_library
from nodulus.app.results.image_numbers import nearest_image
from nodulus.app.results.sources import SourceHeaders, read_source_headers
from nodulus.app.results.sr_document import sr_document
from nodulus.app.results.sr_measures import algorithm
from nodulus.app.results.warning_filter import without_identity_in_warnings

SR_FILE = "follow_up_sr.dcm"
_STATES: dict[State, Any] = {
    "grown": codes.LARGER,
    "shrunk": codes.SMALLER,
    "no proven change": codes.NO_PROVEN_CHANGE,
    "new": codes.NEW,
    "below the threshold before": codes.DROPPED_BEFORE,
    "below the threshold now": codes.DROPPED_NOW,
    "not found": codes.NOT_FOUND,
    "merged": codes.MERGED,
}


@dataclass(frozen=True, eq=False)
class _TimePoint:
    """One of the scans, as its groups need it."""

    scan: AnalysedScan
    sources: SourceHeaders
    order: int
    name: str
    days: float | None

    def context(self) -> Any:
        """Give the time point (TID 1502); the prior scan is the baseline."""
        offset = None
        if self.days is not None:
            offset = hd.sr.LongitudinalTemporalOffsetFromEvent(self.days, codes.DAY, codes.BASELINE)
        return hd.sr.TimePointContext(
            time_point=self.scan.acquired.isoformat() if self.scan.acquired else self.name,
            time_point_order=self.order,
            temporal_offset_from_event=offset,
        )

    def finding(self, nodule: NoduleOnScan) -> Finding:
        """Give the finding that a nodule is on this scan."""
        return next(f for f in self.scan.analysis.findings if f.id == nodule.finding_id)

    def image(self, finding: Finding) -> Any:
        """Give the source image nearest to a finding, as a reference."""
        place = nearest_image(self.scan.volume, finding)
        of_file = self.scan.volume.source_images[place]
        return hd.sr.SourceImageForMeasurementGroup(
            of_file.sop_class_uid,
            of_file.sop_instance_uid,
            None if of_file.frame_number is None else [of_file.frame_number],
        )


def why_no_sr(prior: AnalysedScan, current: AnalysedScan) -> str | None:
    """Why no structured report of the two scans is made; None where one can be tried."""
    for name, scan in (("prior", prior), ("current", current)):
        if not scan.volume.source_images:
            return f"the {name} scan is not DICOM"
    return None


def encode_follow_up_sr(prior: AnalysedScan, current: AnalysedScan, found: FollowUp) -> bytes:
    """Make the structured report as the bytes of its file.

    Args:
        prior: the earlier scan, of DICOM files.
        current: the later one; the report belongs to its study.
        found: what has changed between them.

    Raises:
        NodulusError: INPUT_NOT_READABLE where the images have gone or changed, INPUT_REFUSED
            where no DICOM object can refer to them.
    """
    with without_identity_in_warnings():
        before = _TimePoint(prior, _headers(prior), 1, "prior", 0.0 if found.days else None)
        now = _TimePoint(current, _headers(current), 2, "current", found.days or None)
        document = _document(before, now, found)
        return encode_object(document, now.sources.patient_name, deidentified=False)


def _headers(scan: AnalysedScan) -> SourceHeaders:
    sources = read_source_headers(scan.volume)
    reason = sources.no_object_because or sources.no_reference_because
    if reason is None:
        return sources
    raise NodulusError(
        ErrorCode.INPUT_REFUSED,
        f"No structured report can refer to the images of one scan: {reason}.",
        remedy="Leave it out with --no-sr, or give images with UIDs that are valid and unique.",
        subject=scan.volume.source_images[0].path,
    )


def _document(before: _TimePoint, now: _TimePoint, found: FollowUp) -> Dataset:
    groups = [
        group
        for number, change in enumerate(found.nodules, start=1)
        for group in _groups(number, change, before, now, found)
    ]
    uids = derived.object_uids(uuid4(), derived.FOLLOW_UP_SR)
    return sr_document(
        groups or [_nothing_on_either(found)],
        context=hd.sr.ObservationContext(observer_device_context=derived.observer(found)),
        library=image_library(now.sources, before.sources),
        comments=_comments(found),
        evidence=[*now.sources.datasets, *before.sources.datasets],
        attributes=derived.common(derived.FOLLOW_UP_SR, found, uids),
    )


def _groups(
    number: int, change: NoduleChange, before: _TimePoint, now: _TimePoint, found: FollowUp
) -> list[Any]:
    """Give a nodule's groups, the prior scan's first; the last one says what became of it."""
    seen = [(p, n) for p, n in ((before, change.prior), (now, change.current)) if n is not None]
    return [
        _group(number, change, point, nodule, found, is_last=place == len(seen))
        for place, (point, nodule) in enumerate(seen, start=1)
    ]


def _group(
    number: int,
    change: NoduleChange,
    point: _TimePoint,
    nodule: NoduleOnScan,
    found: FollowUp,
    *,
    is_last: bool,
) -> Any:
    finding = point.finding(nodule)
    frame_of_reference_uid = point.sources.frame_of_reference_uid
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=change.tracking_uid, identifier=f"Nodule {number} of the follow-up"
        ),
        time_point_context=point.context(),
        finding_category=codes.ABNORMAL_STRUCTURE,
        finding_type=codes.NODULE,
        finding_sites=[
            hd.sr.FindingSite(
                codes.region_code(finding.lobe),
                laterality=codes.laterality_code(finding.laterality),
            )
        ],
        algorithm_id=algorithm(found),
        measurements=[
            *sizes(finding, frame_of_reference_uid),
            *(_changes(change) if is_last else []),
        ],
        qualitative_evaluations=_evaluations(change) if is_last else None,
        source_images=[point.image(finding)],
    )


def _evaluations(change: NoduleChange) -> list[Any]:
    said = [hd.sr.QualitativeEvaluation(codes.FOLLOW_UP_STATE, _STATES[change.state])]
    if change.ambiguous:
        said.append(hd.sr.QualitativeEvaluation(codes.AMBIGUOUS_MATCH, codes.YES))
    if change.doubling_time is not None:
        open_ended = change.doubling_time.longest_days is None
        answer = codes.YES if open_ended else codes.NO
        said.append(hd.sr.QualitativeEvaluation(codes.MAY_NOT_GROW, answer))
    return said


def _changes(change: NoduleChange) -> list[Any]:
    measured = []
    if change.volume_change_share is not None:
        share = round(100 * change.volume_change_share, 1)
        measured.append(hd.sr.Measurement(codes.VOLUME_CHANGE, share, codes.PERCENT))
    if change.mean_diameter_change_mm is not None:
        measured.append(
            hd.sr.Measurement(
                codes.MEAN_DIAMETER_CHANGE, change.mean_diameter_change_mm, codes.MILLIMETER
            )
        )
    return [*measured, *_doubling_time(change.doubling_time)]


def _doubling_time(time: DoublingTime | None) -> list[Any]:
    """The doubling time, and both ends of its interval as derived; nothing without growth."""
    if time is None or time.days is None:
        return []
    ends = (
        (time.days, None),
        (time.shortest_days, codes.MINIMUM),
        (time.longest_days, codes.MAXIMUM),
    )
    return [
        hd.sr.Measurement(codes.DOUBLING_TIME, int(np.rint(days)), codes.DAY, derivation=derivation)
        for days, derivation in ends
        if days is not None
    ]


def _nothing_on_either(found: FollowUp) -> Any:
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(identifier="Search for lung nodules"),
        finding_sites=[hd.sr.FindingSite(codes.LUNG)],
        algorithm_id=algorithm(found),
        qualitative_evaluations=[
            hd.sr.QualitativeEvaluation(codes.SUMMARY_OF_DETECTIONS, codes.WITHOUT_FINDINGS)
        ],
    )


def _comments(found: FollowUp) -> Sequence[str]:
    days = "an unknown time" if found.days is None else f"{found.days:.0f} days"
    reasons = (
        f"Nodule {number} of the follow-up: {change.reason}."
        for number, change in enumerate(found.nodules, start=1)
        if change.reason
    )
    return [
        f"Two scans, {days} apart.",
        f"Overlap of the lungs (Dice) once registered: {found.lung_overlap:.2f}.",
        f"Limits of agreement: {found.repeatability_source}.",
        *reasons,
        found.disclaimer,
        *(f"Warning: {warning.message}" for warning in found.warnings),
    ]
