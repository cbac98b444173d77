"""Workitems as a task manager makes them: pydicom's data sets, sent as DICOM JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

JSON = {"Content-Type": "application/dicom+json"}
WORKITEMS = "/dicom-web/workitems"
DETECTION = codes.DCM.ComputerAidedDetection


def code_item(code: Any) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def input_item(
    study: str, series: str, instances: Sequence[str] = (), urls: Sequence[str] = ()
) -> Dataset:
    """An item of the Input Information Sequence."""
    item = Dataset()
    item.TypeOfInstances = "DICOM"
    item.StudyInstanceUID, item.SeriesInstanceUID = study, series
    item.ReferencedSOPSequence = []
    for uid in instances:
        one = Dataset()
        one.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        one.ReferencedSOPInstanceUID = uid
        item.ReferencedSOPSequence.append(one)
    item.WADORSRetrievalSequence = []
    for url in urls:
        retrieval = Dataset()
        retrieval.RetrieveURL = url
        item.WADORSRetrievalSequence.append(retrieval)
    return item


def make_workitem(
    study: str = "1.2.3", inputs: Sequence[Dataset] = (), *, code: Any = DETECTION, **more: Any
) -> Dataset:
    """A workitem that asks for the analysis of a study."""
    made = Dataset()
    made.ProcedureStepState = "SCHEDULED"
    made.ScheduledProcedureStepPriority = "MEDIUM"
    made.ProcedureStepLabel = "Lung nodules"
    made.WorklistLabel = "Chest AI"
    made.InputReadinessState = "READY"
    made.ScheduledProcedureStepStartDateTime = "20200102030405+0000"
    made.ScheduledWorkitemCodeSequence = [code_item(code)]
    made.InputInformationSequence = list(inputs)
    made.StudyInstanceUID = study
    made.PatientName, made.PatientID = "Test^Anna", "T-1"
    made.PatientBirthDate, made.PatientSex = "19500101", "F"
    for name, value in more.items():
        setattr(made, name, value)
    return made


def body(dataset: Dataset) -> bytes:
    """As it is sent."""
    return json.dumps([dataset.to_json_dict()]).encode()


def post(client: Any, dataset: Dataset, uid: str | None = None) -> str:
    """Make a workitem; gives its UID."""
    uid = uid or generate_uid()
    answer = client.post(f"{WORKITEMS}?{uid}", content=body(dataset), headers=JSON)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith(f"{WORKITEMS}/{uid}")
    return str(uid)


def get(client: Any, uid: str) -> Dataset:
    """Retrieve a workitem."""
    answer = client.get(f"{WORKITEMS}/{uid}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    (content,) = answer.json()
    return Dataset.from_json(content)


def change(client: Any, uid: str, state: str, transaction: str | None) -> Any:
    """Ask for a change of state."""
    asked = Dataset()
    asked.ProcedureStepState = state
    if transaction is not None:
        asked.TransactionUID = transaction
    return client.put(f"{WORKITEMS}/{uid}/state", content=body(asked), headers=JSON)


def final_attributes() -> Dataset:
    """What a performer puts down before a final state."""
    changes, performed, progress = Dataset(), Dataset(), Dataset()
    performed.PerformedStationNameCodeSequence = [code_item(codes.DCM.ImageProcessing)]
    performed.PerformedProcedureStepStartDateTime = "20260101"
    performed.PerformedProcedureStepEndDateTime = "20260101"
    performed.PerformedWorkitemCodeSequence = [code_item(DETECTION)]
    performed.OutputInformationSequence = []
    progress.ProcedureStepDiscontinuationReasonCodeSequence = [
        code_item(codes.DCM.EquipmentFailure)
    ]
    changes.UnifiedProcedureStepPerformedProcedureSequence = [performed]
    changes.ProcedureStepProgressInformationSequence = [progress]
    return changes
