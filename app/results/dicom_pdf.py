"""The PDF report as a DICOM Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import highdicom as hd
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from nodulus.app.result import StudyResult
from nodulus.app.results import codes
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.sources import SourceHeaders


def build_encapsulated_pdf(
    pdf: bytes, sources: SourceHeaders, result: StudyResult, uids: derived.ObjectUids
) -> Dataset:
    """Wrap a PDF file.

    Args:
        pdf: the file's content; nothing in it tells who the patient is.
        sources: the headers of the source; patient and study are copied from them.
        result: the study's result.
        uids: of the object.

    Returns:
        The data set, ready to be saved.
    """
    source = sources.datasets[0]
    document: Any = hd.SOPClass(
        sop_class_uid=EncapsulatedPDFStorage,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        modality="DOC",
        instance_number=1,
        study_instance_uid=source.StudyInstanceUID,
        patient_id=source.PatientID,
        patient_name=source.PatientName,
        patient_birth_date=source.PatientBirthDate,
        patient_sex=source.PatientSex,
        accession_number=source.AccessionNumber,
        study_id=source.StudyID,
        study_date=source.StudyDate,
        study_time=source.StudyTime,
        referring_physician_name=source.ReferringPhysicianName,
        **derived.common(derived.PDF, result, uids),
    )
    document.copy_patient_and_study_information(source)
    document.ConversionType = hd.sc.ConversionTypeValues.WSD.value
    document.AcquisitionDateTime = ""
    now = datetime.now()
    document.ContentDate, document.ContentTime = now.date(), now.time()
    document.BurnedInAnnotation = "NO"
    document.DocumentTitle = "Lung nodules in chest CT (research, unverified)"
    document.VerificationFlag = "UNVERIFIED"
    document.ConceptNameCodeSequence = [hd.sr.CodedConcept.from_code(codes.CT_CHEST)]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(pdf)
    padded = pdf + b"\0" * (len(pdf) % 2)
    document.add(DataElement("EncapsulatedDocument", "OB", padded))
    wrapped: Dataset = document
    return wrapped
