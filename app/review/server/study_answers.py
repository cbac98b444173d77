"""Studies and entries of the log as they are sent."""

from __future__ import annotations

from nodulus.app.result import CandidateRecord
from nodulus.app.results.colors import finding_rgb
from nodulus.app.review.desk import DeskStudy
from nodulus.app.review.double_reading import FirstReads, View
from nodulus.app.review.entries import Entry
from nodulus.app.review.review_state import DroppedCandidate, ReviewedFinding
from nodulus.app.review.server.answers import (
    Diameters,
    DroppedAnswer,
    EntryAnswer,
    FindingAnswer,
    OpinionAnswer,
    StudyAnswer,
    StudyRow,
    VolumeAnswer,
    VolumeUrls,
    WarningAnswer,
)


def study_answer(
    study: DeskStudy,
    view: View,
    *,
    has_images: bool,
    images_removed: str | None,
    base: str,
    viewer: str | None = None,
) -> StudyAnswer:
    """Give a study's state as it is sent.

    Args:
        study: of the desk.
        view: of its review, for who asks.
        has_images: whether its images may be asked for.
        images_removed: when a service removed them.
        base: the address of the study in the application.
        viewer: where another viewer shows it.
    """
    volume, state, both = study.result.volume, view.state, view.first_reads
    signed = state.signed_off
    return StudyAnswer(
        key=study.key,
        status=view.stage,
        closed=view.closed,
        first_readers=[] if both is None else list(both.names),
        version=state.version,
        signed_off_by=None if signed is None else signed.who,
        signed_off_at=None if signed is None else signed.at,
        comment=state.comment,
        warnings=_warnings(study),
        volume=VolumeAnswer(
            shape_irc=volume.shape_irc,
            spacing_irc_mm=volume.spacing_irc_mm,
            affine_lps=volume.affine_lps,
        ),
        has_images=has_images,
        images_removed=images_removed,
        findings=[_finding(finding, both) for finding in state.findings],
        dropped=[_dropped(dropped) for dropped in state.dropped],
        volumes=VolumeUrls(
            preview=f"{base}/preview.nii.gz",
            lungs=f"{base}/lungs.nii.gz",
            ct=f"{base}/ct.nii.gz",
        ),
        labels=f"{base}/labels.nii.gz?version={state.version}",
        viewer=viewer,
    )


def study_row(
    study: DeskStudy, view: View, *, has_images: bool, images_removed: str | None
) -> StudyRow:
    """Give a study as the work list shows it.

    Args:
        study: of the desk.
        view: of its review, for who asks.
        has_images: whether its images may be asked for.
        images_removed: when a service removed them.
    """
    points = {point.name: point.choice for point in study.result.operating_points}
    state, both = view.state, view.first_reads
    who = state.readers[-1] if state.readers else None
    if who is None and both is not None:
        who = " and ".join(both.names)
    kept = [f for f in state.findings if f.decision != "rejected"]
    return StudyRow(
        key=study.key,
        status=view.stage,
        findings=len(kept),
        to_decide=0 if view.closed else len(state.to_decide),
        highest_malignancy=max((f.finding.malignancy_probability for f in kept), default=None),
        expected_errors=expected_errors(study.result.candidates),
        study_date=study.source.study_date,
        received=study.result.created,
        reader=who,
        warnings=_warnings(study),
        operating_point=points.get("nodule"),
        images=has_images,
        images_removed=images_removed,
    )


def expected_errors(candidates: tuple[CandidateRecord, ...]) -> float:
    """Give how many of the chain's candidates are expected to be taken for what they are not.

    The probabilities are calibrated, so that a candidate of probability p is decided wrongly, at
    best, with probability min(p, 1 - p): uncertainty sampling (Lewis and Gale, SIGIR 1994), summed
    over the study.

    Args:
        candidates: of the study; those that no classifier saw do not count.
    """
    seen = [c.nodule_probability for c in candidates if c.nodule_probability is not None]
    return round(sum(min(p, 1 - p) for p in seen), 4)


def entry_answer(entry: Entry) -> EntryAnswer:
    """Give a line of the log as it is sent, without masks."""
    measured = None
    if entry.measured is not None:
        measured = entry.measured.model_dump(mode="json", exclude={"outline": {"mask"}})
    data = entry.data.model_dump(mode="json", exclude={"mask"}, exclude_defaults=True)
    return EntryAnswer(
        number=entry.number,
        at=entry.at,
        who=entry.who,
        role=entry.role,
        kind=entry.kind,
        finding=entry.finding,
        data=data,
        measured=measured,
        software=entry.software,
        weights=dict(entry.weights),
    )


def _warnings(study: DeskStudy) -> list[WarningAnswer]:
    return [WarningAnswer(code=w.code, message=w.message) for w in study.result.warnings]


def _diameters(reviewed: ReviewedFinding) -> Diameters:
    f = reviewed.finding
    long, short = f.longest_diameter_mm, f.perpendicular_diameter_mm
    return Diameters(long=long, short=short, mean=(long + short) / 2)


def _opinion(reader: str, said: ReviewedFinding | None) -> OpinionAnswer:
    rejection = None if said is None else said.rejection
    return OpinionAnswer(
        reader=reader,
        decision=None if said is None else said.decision,
        reason=None if rejection is None else rejection.reason,
        reason_text="" if rejection is None else rejection.text,
        comment="" if said is None else said.comment,
        texture=None if said is None else said.texture,
        malignancy_rating=None if said is None else said.malignancy,
        characteristics={} if said is None else dict(said.characteristics),
        diameters_mm=None if said is None else _diameters(said),
        outlined_by=None if said is None else said.outlined_by,
    )


def _opinions(name: str, both: FirstReads | None) -> list[OpinionAnswer]:
    if both is None or name not in both.start.opinions:
        return []
    told = zip(both.names, both.start.opinions[name], strict=True)
    return [_opinion(reader, said) for reader, said in told]


def _finding(reviewed: ReviewedFinding, both: FirstReads | None) -> FindingAnswer:
    f = reviewed.finding
    return FindingAnswer(
        id=reviewed.id,
        source=reviewed.source,
        decision=reviewed.decision,
        reason=None if reviewed.rejection is None else reviewed.rejection.reason,
        reason_text="" if reviewed.rejection is None else reviewed.rejection.text,
        comment=reviewed.comment,
        center_lps_mm=f.center_lps_mm,
        center_index_irc=f.center_index_irc,
        nodule_probability=f.nodule_probability,
        malignancy_probability=f.malignancy_probability,
        suspicious=f.suspicious,
        diameters_mm=_diameters(reviewed),
        volume_mm3=f.volume_mm3,
        mean_hu=f.mean_hu,
        texture=reviewed.texture,
        kind=f.kind,
        laterality=f.laterality,
        lobe=f.lobe,
        possible_lobes=f.possible_lobes,
        long_axis_lps=f.longest_diameter_ends_lps_mm,
        short_axis_lps=f.perpendicular_diameter_ends_lps_mm,
        characteristics=dict(reviewed.characteristics),
        malignancy_rating=reviewed.malignancy,
        changed=list(reviewed.changed),
        outlined_by=reviewed.outlined_by,
        label=reviewed.label,
        rgb=finding_rgb(reviewed.label),
        differs=[] if both is None else list(both.start.differ.get(reviewed.id, ())),
        opinions=_opinions(reviewed.id, both),
    )


def _dropped(dropped: DroppedCandidate) -> DroppedAnswer:
    record = dropped.record
    return DroppedAnswer(
        id=dropped.number,
        center_lps_mm=record.center_lps_mm,
        volume_mm3=record.volume_mm3,
        nodule_probability=record.nodule_probability,
        segmentation_probability=record.segmentation_probability,
        reason=record.reason.removeprefix("dropped: "),
        taken_up=dropped.taken_up,
    )
