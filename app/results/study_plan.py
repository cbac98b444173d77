"""What a study's results will say, settled before any of them is made."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from nodulus.app.result import ResultWarning, StudyResult
from nodulus.app.results.encodable import encodable, source_sha256
from nodulus.app.results.failure_words import INCOMPLETE, explain_failure, incomplete_warning
from nodulus.app.results.file_plan import planned_files, without_references, writer_of
from nodulus.app.results.lazy_value import Lazy
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.warning_filter import without_identity_in_warnings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nodulus.app.explanation import Sensitivity
    from nodulus.app.results.intermediates import Intermediates
    from nodulus.app.results.label_boxes import Labels
    from nodulus.app.results.pictures import Picture
    from nodulus.app.results.probability import ProbabilityMap
    from nodulus.app.results.sources import SourceHeaders
    from nodulus.app.volume import CtVolume

FindingPictures = list[tuple["Picture", ...]]
"""The pictures of each finding, in the order of the result's."""
TitledRows = list[tuple[str, Sequence["Picture"]]]

_DRAWING_THREADS = 2
_NOT_OF_THE_MAP = ("source", "grown", "ball")
"""How outlines are made that no probability map shows."""
_ON_PLANES = ("seg", "key_objects", "gsps")
"""What needs the masks on the source's images."""
_OF_DICOM_SOURCES = ("seg", "sr", "key_objects", "key_images", "gsps", "pdf")


@dataclass(frozen=True, eq=False)
class StudyAnalysis:
    """What the chain found in a study, as far as its results tell it.

    Args:
        labels: shape (I, R, C) on the volume's grid, unsigned; 0 or the id of a finding.
        result: what was found; ids are 1, 2, ... without a gap.
        sensitivities: what the classifiers' answers rest on; shown in the report.
        probability: of the segmentation; needed for a fractional one.
        intermediates: written where the options ask for them.
    """

    labels: Labels
    result: StudyResult
    sensitivities: tuple[Sensitivity, ...] = ()
    probability: ProbabilityMap | None = None
    intermediates: Intermediates | None = None


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """A study's results before they are made; made by `plan`.

    The functions of :mod:`nodulus.app.results.writers` take it in any order and any thread, and
    none of them changes it.

    Args:
        volume: the CT that was analysed.
        labels: shape (I, R, C), finding ids.
        result: as findings.json will say it, with every warning and the names of all files.
        options: which files are wanted.
        sensitivities: shown in the report.
        intermediates: what is kept of the chain's steps, None where that is not asked for.
        sources: the headers of the source; None for research formats, and where they cannot be
            read again.
        label_planes: shape (planes, R, C), the labels on the source's images or frames; None
            where no file needs them.
        segment_planes: shape of ``label_planes``: where each segment of the DICOM segmentation
            has a value; None where there is no segmentation.
        fractions: shape of ``label_planes``: the values of a fractional segmentation.
        uid: what the UIDs of the DICOM objects are made of.
        started: clock (``time.perf_counter``) when the plan was begun.
        failed: what could not be made, and why, by the writer.
        pictures: gives the pictures of each finding; drawn once.
        intermediate_rows: gives the pictures of ``intermediates``; drawn once.
    """

    volume: CtVolume
    labels: Labels
    result: StudyResult
    options: OutputOptions
    sensitivities: tuple[Sensitivity, ...]
    intermediates: Intermediates | None
    pictures: Lazy[FindingPictures]
    intermediate_rows: Lazy[TitledRows]
    sources: SourceHeaders | None = None
    label_planes: Labels | None = None
    segment_planes: Labels | None = None
    fractions: NDArray[np.uint8] | None = None
    uid: UUID = field(default_factory=uuid4)
    started: float = 0.0
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def writers(self) -> tuple[str, ...]:
        """The writers whose files are planned, in the order of ``result.files``."""
        names = (writer_of(what) for what in self.result.files)
        return tuple(dict.fromkeys(name for name in names if name != "findings"))


def plan(volume: CtVolume, analysis: StudyAnalysis, options: OutputOptions) -> StudyPlan:
    """Settle what a study's results will say.

    Where the source's images cannot be read again, or the masks cannot be brought onto them, the
    files that need them are left out and the result says so; the others can still be made.

    Args:
        volume: the CT that was analysed.
        analysis: what was found.
        options: which files are wanted.

    Raises:
        NodulusError: PACKAGE_MISSING where the options want one that is not installed.
        ValueError: the labels are not on the volume's grid, or the probability that a
            fractional segmentation needs is missing.
    """
    started = time.perf_counter()
    labels, result = analysis.labels, analysis.result
    if labels.shape != volume.hu.shape:
        raise ValueError(f"labels have shape {labels.shape}, the volume {volume.hu.shape}")
    if options.seg and options.seg_type == "fractional" and analysis.probability is None:
        raise ValueError("a fractional segmentation needs the probability")
    options.check()
    result = encodable(result)
    if options.deidentify:
        from nodulus.app.results.deidentify import deidentified_result

        result = deidentified_result(result)
    elif result.study_uid is None:
        told = result.volume.model_copy(update={"source_sha256": source_sha256(volume)})
        result = result.model_copy(update={"volume": told})
    kept = analysis.intermediates if options.keep_intermediates else None
    files, left_out = planned_files(
        result, options, is_dicom=bool(volume.source_images), intermediates=kept is not None
    )
    result = result.model_copy(update={"files": files, "files_left_out": left_out})
    draft = StudyPlan(
        volume=volume,
        labels=labels,
        result=result,
        options=options,
        sensitivities=analysis.sensitivities,
        intermediates=kept,
        pictures=Lazy(lambda: _finding_pictures(volume, labels, result)),
        intermediate_rows=Lazy(lambda: [] if kept is None else _intermediate_rows(volume, kept)),
        started=started,
    )
    if not volume.source_images:
        return draft
    with without_identity_in_warnings():
        return _with_planes(_with_sources(draft), analysis.probability)


def without(plan: StudyPlan, failed: Mapping[str, str]) -> StudyPlan:
    """Give the plan of a study for which something could not be made.

    Args:
        plan: as it was.
        failed: the reason, by the writer.
    """
    if not failed:
        return plan
    every = {**plan.failed, **failed}
    result = plan.result
    left_out = {what: f"could not be made: {reason}" for what, reason in failed.items()}
    result = result.model_copy(
        update={
            "files": {w: n for w, n in result.files.items() if writer_of(w) not in every},
            "files_left_out": {**result.files_left_out, **left_out},
            "warnings": (
                *(warning for warning in result.warnings if warning.code != INCOMPLETE),
                incomplete_warning(every),
            ),
        }
    )
    plan = replace(plan, result=result, failed=every)
    return replace(plan, segment_planes=None, fractions=None) if "seg" in every else plan


def _with_sources(draft: StudyPlan) -> StudyPlan:
    from nodulus.app.results.sources import read_source_headers

    try:
        sources = read_source_headers(draft.volume)
    except Exception as error:
        reason = explain_failure(error)
        return without(draft, {w: reason for w in draft.writers if w in _OF_DICOM_SOURCES})
    result = draft.result
    if sources.frame_of_reference_missing:
        warning = ResultWarning(
            code="frame-of-reference-missing",
            message="The source has no valid FrameOfReferenceUID; the segmentation and the "
            "structured report carry one that was made from the series UID.",
        )
        result = result.model_copy(update={"warnings": (*result.warnings, warning)})
    if sources.no_object_because is not None:
        result = without_references(result, sources.no_object_because, objects=_OF_DICOM_SOURCES)
    elif sources.no_reference_because is not None:
        result = without_references(result, sources.no_reference_because)
    return replace(draft, sources=sources, result=result)


def _with_planes(draft: StudyPlan, probability: ProbabilityMap | None) -> StudyPlan:
    """Bring the masks onto the source's images, where a file needs them there."""
    needed = [writer for writer in draft.writers if writer in _ON_PLANES]
    if draft.sources is None or not needed:
        return draft
    from nodulus.app.results.interpolated_only import warn_of_findings_without_frame

    try:
        planes = _on_source(draft.labels, draft, draft.sources)
        if "seg" not in needed and "gsps" not in needed:
            return replace(draft, label_planes=planes)
        segments, fractions = planes, None
        if "seg" in needed and draft.options.seg_type == "fractional" and probability is not None:
            segments, fractions = _fractional(draft, draft.sources, probability, planes)
    except Exception as error:
        return without(draft, dict.fromkeys(needed, explain_failure(error)))
    result = warn_of_findings_without_frame(draft.result, segments)
    if "seg" not in result.files:
        return replace(draft, label_planes=planes, result=result)
    return replace(
        draft, label_planes=planes, segment_planes=segments, fractions=fractions, result=result
    )


def _fractional(
    draft: StudyPlan, sources: SourceHeaders, probability: ProbabilityMap, planes: Labels
) -> tuple[Labels, NDArray[np.uint8]]:
    """Where each segment of a fractional segmentation has a value, and the values.

    Cut at the operating point of a voxel they are the outlines (``planes``), whose border follows
    the density. One that is not the segmentation's own is in it whole, since the map says nothing
    of it.
    """
    import math

    import numpy as np

    from nodulus.app.results.probability import (
        MAX_FRACTIONAL_VALUE,
        fractional_planes,
        territories,
    )

    grown = _on_source(territories(draft.labels, draft.volume.geometry), draft, sources)
    fractions = fractional_planes(grown, probability, sources)
    threshold = draft.result.voxel_threshold()
    if threshold is not None:
        least = max(1, math.ceil(threshold * MAX_FRACTIONAL_VALUE))
        inside, beyond = np.maximum(fractions, least), np.minimum(fractions, least - 1)
        fractions = np.where(planes > 0, inside, beyond).astype(np.uint8)
    not_of_the_map = [f.id for f in draft.result.findings if f.outlined_by in _NOT_OF_THE_MAP]
    whole = np.isin(planes, not_of_the_map)
    fractions[whole] = MAX_FRACTIONAL_VALUE
    grown[whole] = planes[whole]
    grown[fractions == 0] = 0
    return grown, fractions


def _on_source(labels: Labels, draft: StudyPlan, sources: SourceHeaders) -> Labels:
    from nodulus.app.results.source_masks import labels_on_source

    return labels_on_source(
        labels,
        draft.volume.geometry,
        sources,
        is_source_grid=draft.volume.is_source_grid,
        finding_ids=[finding.id for finding in draft.result.findings],
    )


def _finding_pictures(volume: CtVolume, labels: Labels, result: StudyResult) -> FindingPictures:
    from nodulus.app.results.label_boxes import boxes_by_label
    from nodulus.app.results.pictures import finding_pictures

    boxes = boxes_by_label(labels) if result.findings else {}
    # Sampling (scipy) leaves the interpreter to other threads.
    with ThreadPoolExecutor(_DRAWING_THREADS) as pool:
        return list(
            pool.map(
                lambda finding: finding_pictures(volume, labels, boxes.get(finding.id), finding),
                result.findings,
            )
        )


def _intermediate_rows(volume: CtVolume, intermediates: Intermediates) -> TitledRows:
    from nodulus.app.results.intermediate_pictures import lung_pictures, probability_pictures

    return [
        ("Lungs that were searched", lung_pictures(volume, intermediates)),
        ("Nodule probability and candidates", probability_pictures(volume, intermediates)),
    ]
