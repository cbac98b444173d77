"""What a workitem tells of its performance: progress, outputs, and why it was canceled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.valuerep import DSfloat

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.serve.workitems.attributes import now_text
from nodulus.app.serve.workitems.settings import WorkitemSettings

_REASONS = {
    **dict.fromkeys(
        (ErrorCode.SOURCE_NOT_REACHABLE, ErrorCode.IMAGES_NOT_FOUND, ErrorCode.NO_IMAGES,
         ErrorCode.TOO_FEW_SLICES, ErrorCode.MISSING_SLICES),
        codes.DCM.ObjectSetIncomplete,
    ),
    **dict.fromkeys(
        (ErrorCode.NO_CT_SERIES, ErrorCode.WRONG_MODALITY, ErrorCode.NO_LUNGS,
         ErrorCode.DECODER_MISSING, ErrorCode.NOT_HOUNSFIELD),
        codes.DCM.ObjectTypesNotSupported,
    ),
    **dict.fromkeys(
        (ErrorCode.INPUT_NOT_READABLE, ErrorCode.TRUNCATED_FILE, ErrorCode.MISSING_ATTRIBUTE,
         ErrorCode.INVALID_ATTRIBUTE, ErrorCode.INCONSISTENT_SERIES, ErrorCode.UNEVEN_SLICES,
         ErrorCode.DUPLICATE_SLICES),
        codes.DCM.ObjectsIncorrectlyFormatted,
    ),
    **dict.fromkeys(
        (ErrorCode.TIME_LIMIT, ErrorCode.MEMORY_LIMIT, ErrorCode.WORKER_DIED,
         ErrorCode.OUTPUT_NOT_WRITABLE, ErrorCode.INPUT_REFUSED,
         ErrorCode.MODEL_SERVICE_NOT_REACHABLE),
        codes.DCM.ResourceInadequate,
    ),
    ErrorCode.WORKITEM_REFUSED: codes.DCM.WorkitemAssignmentRejectedByAssignedResource,
}  # fmt: skip
"""Procedure Discontinuation Reasons (PS3.16 CID 9300) by the error's code."""


def note_begin(dataset: Dataset, settings: WorkitemSettings) -> None:
    """Put down that the service performs a workitem from now on."""
    dataset.ProcedureStepState = "IN PROGRESS"
    performed = Dataset()
    performed.PerformedStationNameCodeSequence = [settings.station.dataset()]
    performed.PerformedProcedureStepStartDateTime = now_text()
    performed.PerformedWorkitemCodeSequence = [
        known.dataset()
        for known in settings.performed
        if any(known.is_item(code) for code in dataset.ScheduledWorkitemCodeSequence)
    ]
    performed.OutputInformationSequence = Items()
    dataset.UnifiedProcedureStepPerformedProcedureSequence = [performed]
    note_progress(dataset, 0, "claimed")


def note_progress(dataset: Dataset, percent: float | None, description: str) -> bool:
    """Put down how far it is.

    Args:
        dataset: of the workitem.
        percent: of the time that it takes; None for as far as it was.
        description: what is done now.

    Returns:
        Whether that is something new.
    """
    progress = _progress(dataset)
    before = progress.get("ProcedureStepProgress"), progress.get("ProcedureStepProgressDescription")
    told = before[0] if percent is None else DSfloat(percent, auto_format=True)
    if before == (told, description):
        return False
    progress.ProcedureStepProgress = told
    progress.ProcedureStepProgressDescription = description
    dataset.ScheduledProcedureStepModificationDateTime = now_text()
    return True


def note_completed(
    dataset: Dataset, outputs: Iterable[Dataset], description: str, comment: str | None
) -> None:
    """Put down that it was done.

    Args:
        dataset: of the workitem.
        outputs: items of the Output Information Sequence.
        description: how it ended.
        comment: what is missing from it, if anything.
    """
    performed = dataset.UnifiedProcedureStepPerformedProcedureSequence[0]
    performed.PerformedProcedureStepEndDateTime = now_text()
    performed.OutputInformationSequence = list(outputs)
    if comment:
        performed.CommentsOnThePerformedProcedureStep = comment
    note_progress(dataset, 100, description)
    dataset.ProcedureStepState = "COMPLETED"


def note_failed(dataset: Dataset, error: NodulusError) -> None:
    """Put down that it was canceled because it could not be done.

    Args:
        dataset: of the workitem.
        error: why.
    """
    reason = _REASONS.get(error.code, codes.DCM.DiscontinuedForUnspecifiedReason)
    text = f"[{error.code.value}] {error.message} {error.remedy}"
    _note_canceled(dataset, text, [_code_item(reason)])


def note_cancel(dataset: Dataset, request: Dataset) -> None:
    """Put down that it was canceled because somebody asked for it.

    Args:
        dataset: of the workitem.
        request: with the reason, if there is one.
    """
    given = request.get("ProcedureStepDiscontinuationReasonCodeSequence")
    reason = list(given or [_code_item(codes.DCM.DiscontinuedForUnspecifiedReason)])
    text = str(request.get("ReasonForCancellation") or "Canceled on request.")
    _note_canceled(dataset, text, reason)


def outputs_of(folders: Sequence[Path], base: str) -> list[Dataset]:
    """Give the items of the Output Information Sequence (PS3.3 Table 10-3b).

    Args:
        folders: of the results.
        base: address of the service's DICOMweb server.
    """
    groups: dict[tuple[str, str], list[Dataset]] = defaultdict(list)
    names = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    for path in sorted(path for folder in folders for path in folder.rglob("*.dcm")):
        header = dcmread(path, stop_before_pixels=True, specific_tags=list(names))
        one = Dataset()
        one.ReferencedSOPClassUID = header.SOPClassUID
        one.ReferencedSOPInstanceUID = header.SOPInstanceUID
        groups[header.StudyInstanceUID, header.SeriesInstanceUID].append(one)
    return [_output(study, series, refs, base) for (study, series), refs in groups.items()]


def _output(study: str, series: str, references: list[Dataset], base: str) -> Dataset:
    item, retrieval = Dataset(), Dataset()
    item.TypeOfInstances = "DICOM"
    item.StudyInstanceUID, item.SeriesInstanceUID = study, series
    item.ReferencedSOPSequence = references
    retrieval.RetrieveURL = f"{base}/studies/{study}/series/{series}"
    item.WADORSRetrievalSequence = [retrieval]
    return item


def _note_canceled(dataset: Dataset, text: str, reason: list[Dataset]) -> None:
    progress = _progress(dataset)
    progress.ReasonForCancellation = text[:10240]
    progress.ProcedureStepDiscontinuationReasonCodeSequence = reason
    progress.ProcedureStepCancellationDateTime = now_text()
    dataset.ScheduledProcedureStepModificationDateTime = now_text()
    dataset.ProcedureStepState = "CANCELED"


def _progress(dataset: Dataset) -> Dataset:
    if not dataset.get("ProcedureStepProgressInformationSequence"):
        dataset.ProcedureStepProgressInformationSequence = [Dataset()]
    first: Dataset = dataset.ProcedureStepProgressInformationSequence[0]
    return first


def _code_item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
