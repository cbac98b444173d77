"""Headers that derived objects are made from: what the source says, where it can be used.

A derived object repeats its source's patient and study and refers to its images. Headers in the
wild have attributes that are empty, of a wrong type, too long or manifold; the libraries that
make the objects stop at many of them, and what they do copy makes an object that validators
refuse. Here a header is made anew from the attributes that are needed, each one checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydicom import Dataset, config
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.valuerep import DS, validate_value

from nodulus.app.reading.slice_header import SliceHeader, value_of
from nodulus.app.reading.uids import is_uid

IDENTITY = ("PatientID", "PatientName", "AccessionNumber", "StudyInstanceUID")
"""Repeated to the letter even where they are too long: a shorter one may be another patient's."""

TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""Attributes of the patient and study modules that must be there, if only empty."""

OPTIONAL = (
    "IssuerOfPatientID",
    "PatientBirthTime",
    "OtherPatientNames",
    "EthnicGroup",
    "PatientComments",
    "QualityControlSubject",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "AdmittingDiagnosesDescription",
    "Occupation",
    "AdditionalPatientHistory",
)
"""Attributes of the patient, study and patient study modules (PS3.3 C.7.1, C.7.2) by themselves."""

TOGETHER = (
    (
        ("PatientIdentityRemoved", "DeidentificationMethod"),
        ("LongitudinalTemporalInformationModified",),
    ),
    (
        ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialSubjectID"),
        (
            "ClinicalTrialProtocolName",
            "ClinicalTrialSiteID",
            "ClinicalTrialSiteName",
            "ClinicalTrialTimePointID",
            "ClinicalTrialTimePointDescription",
        ),
    ),
)
"""Attributes that only mean something together, and what is then optional."""

EMPTY_IN_CLINICAL_TRIAL = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID",
                           "ClinicalTrialSiteName")  # fmt: skip
"""Type 2 of the clinical trial subject module (PS3.3 C.7.1.3)."""

TAGS = (
    *IDENTITY,
    *TYPE_2,
    *OPTIONAL,
    *(keyword for group in TOGETHER for part in group for keyword in part),
    "SpecificCharacterSet",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def patient_and_study(datasets: Iterable[Dataset]) -> Dataset:
    """Put together the patient and study of a series.

    Args:
        datasets: headers of its files; an attribute is taken from the first that has it in a form
            that the standard allows.

    Returns:
        The attributes of ``TYPE_2`` (empty where no header has one), and the others that can be
        used.
    """
    headers = list(datasets)
    made = Dataset()
    for keyword in (*TYPE_2, *OPTIONAL):
        value = _first(headers, keyword)
        if value is not None:
            setattr(made, keyword, value)
        elif keyword in TYPE_2:
            setattr(made, keyword, "")
    if made.PatientSex not in ("", "M", "F", "O"):
        made.PatientSex = ""
    for needed, optional in TOGETHER:
        values = {keyword: _first(headers, keyword) for keyword in (*needed, *optional)}
        if all(values[keyword] is not None for keyword in needed):
            for keyword, value in values.items():
                if value is not None:
                    setattr(made, keyword, value)
                elif keyword in EMPTY_IN_CLINICAL_TRIAL:
                    setattr(made, keyword, "")
    if made.get("PatientIdentityRemoved") not in (None, "YES", "NO"):
        for keyword in (*TOGETHER[0][0], *TOGETHER[0][1]):
            made.pop(keyword, None)
    if made.get("QualityControlSubject") not in (None, "YES", "NO"):
        del made.QualityControlSubject
    return made


def image_header(header: SliceHeader, raw: Dataset, patient: Dataset) -> Dataset:
    """Make the header of one source image.

    Args:
        header: what was read of it.
        raw: its attributes as the file has them.
        patient: from `patient_and_study`.
    """
    made = Dataset()
    made.update(patient)
    made.SOPClassUID = header.sop_class_uid
    made.SOPInstanceUID = header.sop_instance_uid
    made.StudyInstanceUID = header.study_uid
    made.SeriesInstanceUID = header.series_uid
    made.Modality = header.modality
    made.Rows, made.Columns, made.SamplesPerPixel = header.rows, header.columns, 1
    made.RescaleSlope = DS(header.slope or 1.0, auto_format=True)
    made.RescaleIntercept = DS(header.intercept or 0.0, auto_format=True)
    if header.instance_number is not None and header.frame is None:
        made.InstanceNumber = header.instance_number
    if is_uid(header.frame_of_reference_uid):
        made.FrameOfReferenceUID = header.frame_of_reference_uid
    if usable(raw, "LossyImageCompression") == "01":
        made.LossyImageCompression = "01"
        ratio = usable(raw, "LossyImageCompressionRatio")
        method = usable(raw, "LossyImageCompressionMethod")
        if ratio is not None:
            made.LossyImageCompressionRatio = ratio
        if method is not None:
            made.LossyImageCompressionMethod = method
    return made


def usable(dataset: Dataset, keyword: str) -> Any:
    """The value of an attribute, None where it is absent, empty or not as the standard has it.

    Args:
        dataset: as read from a file.
        keyword: of an attribute that is no sequence.
    """
    try:
        value = value_of(dataset, keyword)
    except Exception:  # pydicom raises many kinds on a malformed value
        return None
    values = _values(value)
    if not values or not any(str(item).strip() for item in values):
        return None
    vr = dictionary_VR(tag_for_keyword(keyword) or 0)
    if len(values) > 1 and dictionary_VM(tag_for_keyword(keyword) or 0) == "1":
        values = values[:1]
    if keyword in IDENTITY:
        # No archive takes control characters, which are in no name and no identifier.
        return _CONTROL.sub("", str(values[0]))
    try:
        texts = [str(item).strip() for item in values]
        for text in texts:
            validate_value(vr, text, config.RAISE)
        parsed = [_number(text) if vr in ("DS", "IS") else text for text in texts]
    except (TypeError, ValueError):
        return None
    return parsed[0] if len(parsed) == 1 else parsed


def _number(text: str) -> str:
    float(text)
    return text


def _values(value: Any) -> list[Any]:
    if value is None or isinstance(value, (bytes, Dataset)):
        return []
    if isinstance(value, (MultiValue, list, tuple)):
        return [item for item in value if not isinstance(item, Dataset)]
    return [value]


def _first(headers: Sequence[Dataset], keyword: str) -> Any:
    return next((v for v in (usable(header, keyword) for header in headers) if v is not None), None)
