"""Which attributes a workitem must, may and must not have (PS3.4 Table CC.2.5-3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone

from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from nodulus.app.reading.uids import is_uid
from nodulus.app.serve.workitems.refusals import unfit
from nodulus.app.serve.workitems.settings import WorkitemSettings
from nodulus.app.serve.workitems.states import WorkitemState

UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
"""SOP Class UID of every workitem."""
UTF8 = "ISO_IR 192"
"""Specific Character Set of DICOM JSON."""

_VALUED = (
    "ScheduledProcedureStepPriority", "ProcedureStepLabel", "ScheduledProcedureStepStartDateTime",
    "InputReadinessState", "ProcedureStepState",
)  # fmt: skip
_EMPTY_AT_FIRST = (
    "TransactionUID", "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)  # fmt: skip
_PRESENT = (
    "ScheduledProcessingParametersSequence", "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence", "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence", "StudyInstanceUID", "PatientName", "PatientID",
    "OtherPatientIDsSequence", "PatientBirthDate", "PatientSex", "AdmissionID",
    "IssuerOfAdmissionIDSequence", "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence", "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence",
)  # fmt: skip
"""Those that may be empty; where they are left out they are put in so."""
_FIXED = frozenset(
    {
        "SOPClassUID", "SOPInstanceUID", "ProcedureStepState", "PatientName", "PatientID",
        "PatientBirthDate", "PatientSex", "AdmissionID", "IssuerOfAdmissionIDSequence",
        "AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence",
        "ReferencedRequestSequence", "ReplacedProcedureStepSequence",
    }
)  # fmt: skip
_OURS = frozenset(
    {"TransactionUID", "SpecificCharacterSet", "ScheduledProcedureStepModificationDateTime"}
)
_ENUMERATED: dict[str, Collection[str]] = {
    "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"),
    "InputReadinessState": ("READY", "UNAVAILABLE", "INCOMPLETE"),
}
_OF_COMPLETED = (
    "PerformedStationNameCodeSequence", "PerformedProcedureStepStartDateTime",
    "PerformedWorkitemCodeSequence", "PerformedProcedureStepEndDateTime",
)  # fmt: skip
_REMEDY = "See PS3.4 Table CC.2.5-3."


def now_text() -> str:
    """The time as a DT value, in UTC."""
    return datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S.%f+0000")


def make_new(dataset: Dataset, uid: str, settings: WorkitemSettings) -> bool:
    """Make a data set that came to be a workitem, or say why it is none.

    Args:
        dataset: becomes the workitem.
        uid: its SOP Instance UID.
        settings: of the worklist.

    Returns:
        Whether something was put in that its sender had to send.

    Raises:
        WorkitemRefusedError: an attribute is missing or has a wrong value.
    """
    for keyword in _VALUED:
        if not has_value(dataset, keyword):
            raise unfit(f"{keyword} has no value.", _REMEDY, 0x0120)
    if dataset.ProcedureStepState != "SCHEDULED":
        raise unfit("A workitem is made SCHEDULED.", "Change its state afterwards.", 0xC309)
    for keyword in _EMPTY_AT_FIRST:
        if has_value(dataset, keyword):
            raise unfit(f"{keyword} must be empty in a new workitem.", _REMEDY)
    _check_values(dataset)
    if not is_uid(uid) or len(uid) > 64:
        raise unfit("The workitem's UID is none.", "Send it as the query, or SOPInstanceUID.")
    dataset.SOPClassUID, dataset.SOPInstanceUID = UPS_PUSH, uid
    dataset.SpecificCharacterSet = UTF8
    dataset.ScheduledProcedureStepModificationDateTime = now_text()
    if "TransactionUID" in dataset:
        del dataset.TransactionUID
    left_out = [keyword for keyword in _PRESENT if keyword not in dataset]
    for keyword in left_out:
        setattr(dataset, keyword, Items() if keyword.endswith("Sequence") else None)
    if not has_value(dataset, "WorklistLabel"):
        dataset.WorklistLabel = settings.worklist_label
        left_out.append("WorklistLabel")
    if not has_value(dataset, "ExpectedCompletionDateTime"):
        dataset.ExpectedCompletionDateTime = dataset.ScheduledProcedureStepStartDateTime
    return bool(left_out)


def apply_changes(dataset: Dataset, changes: Dataset) -> None:
    """Update a workitem.

    Args:
        dataset: of the workitem.
        changes: in the place of its attributes; a sequence comes whole.

    Raises:
        WorkitemRefusedError: an attribute may not be changed, or not to such a value.
    """
    for element in changes:
        if element.keyword in _FIXED:
            raise unfit(f"{element.keyword} cannot be updated.", _REMEDY)
    _check_values(changes)
    for keyword in _VALUED:
        if keyword in changes and not has_value(changes, keyword):
            raise unfit(f"{keyword} has no value.", _REMEDY, 0x0121)
    for element in changes:
        if element.keyword not in _OURS:
            dataset[element.tag] = element
    dataset.ScheduledProcedureStepModificationDateTime = now_text()


def is_ready_for(dataset: Dataset, state: WorkitemState) -> bool:
    """Whether a workitem has what a final state needs (PS3.4 CC.2.5.1.1).

    Args:
        dataset: of the workitem.
        state: that it shall have.
    """
    if state == "COMPLETED":
        performed = dataset.get("UnifiedProcedureStepPerformedProcedureSequence") or ()
        return bool(performed) and all(
            "OutputInformationSequence" in item and all(has_value(item, k) for k in _OF_COMPLETED)
            for item in performed
        )
    if state == "CANCELED":
        progress = dataset.get("ProcedureStepProgressInformationSequence") or ()
        return any(
            has_value(item, "ProcedureStepDiscontinuationReasonCodeSequence") for item in progress
        )
    return True


def note_end(dataset: Dataset, state: WorkitemState) -> None:
    """Put down when a workitem was canceled, where who cancels it has not.

    Args:
        dataset: of the workitem.
        state: that it gets.
    """
    if state == "CANCELED":
        progress = dataset.ProcedureStepProgressInformationSequence[0]
        if not has_value(progress, "ProcedureStepCancellationDateTime"):
            progress.ProcedureStepCancellationDateTime = now_text()


def has_value(dataset: Dataset, keyword: str) -> bool:
    """Whether an attribute is there and not empty."""
    value = dataset.get(keyword)
    return len(value) > 0 if isinstance(value, Items) else str(value or "") != ""


def _check_values(dataset: Dataset) -> None:
    for keyword, values in _ENUMERATED.items():
        if keyword in dataset and dataset[keyword].value not in values:
            raise unfit(f"{keyword} must be one of {', '.join(values)}.", _REMEDY)
    for keyword in (*_VALUED, *_PRESENT):
        is_sequence = keyword.endswith("Sequence")
        if keyword in dataset and (dataset[keyword].VR == "SQ") != is_sequence:
            raise unfit(f"{keyword} has another value representation.", "See PS3.6.")
