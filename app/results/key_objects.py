"""The findings' source images as a Key Object Selection Document (TID 2010, PS3.16)."""

from __future__ import annotations

import highdicom as hd
import numpy as np
from pydicom import Dataset

from nodulus.app.result import StudyResult
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.dicom_seg import segment_label
from nodulus.app.results.label_boxes import Labels
from nodulus.app.results.sources import SourceHeaders


def key_planes(planes: Labels, result: StudyResult, sources: SourceHeaders) -> dict[int, int]:
    """Give, for each finding, the source plane that shows most of it.

    That is the plane in which its mask is largest; where it has none (it lies on interpolated
    slices alone) the plane whose image lies nearest to its centre.

    Args:
        planes: shape (planes, R, C), finding ids on the source's images or frames.
        result: the study's result.
        sources: the headers of the source.

    Returns:
        Finding id to place among the planes.
    """
    chosen = {}
    for finding in result.findings:
        area = np.count_nonzero(planes == finding.id, axis=(1, 2))
        if area.any():
            chosen[finding.id] = int(np.argmax(area))
            continue
        away = [abs(g.lps_to_index(finding.center_lps_mm)[0]) for g in sources.geometries]
        chosen[finding.id] = sources.planes[int(np.argmin(away))]
    return chosen


def build_key_objects(
    planes: Labels, sources: SourceHeaders, result: StudyResult, uids: derived.ObjectUids
) -> Dataset:
    """Make the document: one source image, or frame, a finding.

    Args:
        planes: shape (planes, R, C), finding ids on the source's images or frames.
        sources: the headers of the source.
        result: the study's result, with at least one finding.
        uids: of the object.

    Returns:
        The data set, ready to be saved.
    """
    chosen = key_planes(planes, result, sources)
    wanted = sorted(set(chosen.values()))
    images = sources.datasets if sources.is_multiframe else [sources.datasets[n] for n in wanted]
    content = hd.ko.KeyObjectSelection(
        document_title=codes.OF_INTEREST,
        referenced_objects=images,
        observer_device_context=derived.observer(result),
        description=_description(chosen, sources, result),
    )
    if sources.is_multiframe:
        reference = content[0].ContentSequence[-1].ReferencedSOPSequence[0]
        frames = [plane + 1 for plane in wanted]
        reference.ReferencedFrameNumber = frames[0] if len(frames) == 1 else frames
    document: Dataset = hd.ko.KeyObjectSelectionDocument(
        evidence=images,
        content=content,
        instance_number=1,
        **derived.common(derived.KEY_OBJECTS, result, uids),
    )
    return document


def _description(chosen: dict[int, int], sources: SourceHeaders, result: StudyResult) -> str:
    unit = "frame" if sources.is_multiframe else "image"
    shown = []
    for finding in result.findings:
        number = sources.plane_number(chosen[finding.id])
        shown.append(f"{segment_label(finding)}: {unit} {'?' if number is None else number}")
    return f"{'; '.join(shown)}. {result.disclaimer}"
