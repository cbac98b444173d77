"""The result as FHIR R4 resources: a DiagnosticReport, an Observation for each finding, the study.

See hl7.org/fhir/R4: DiagnosticReport, Observation, ImagingStudy, Device, Bundle. Codes are those of
the DICOM SR; those that are private to Nodulus are given as text alone. Everything is
'preliminary': no person has confirmed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from pydicom import Dataset

from nodulus.app.exports.study import ResultToExport
from nodulus.app.result import Finding
from nodulus.app.results import codes
from nodulus.app.results.summary_lines import summary_lines
from nodulus.app.results.texts import Texts

FHIR_FILE = "findings.fhir.json"
SYSTEMS: Mapping[str, str] = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "RADLEX": "http://www.radlex.org",
    "NCIt": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
}
"""Of the coding schemes of DICOM PS3.16 section 8 that FHIR has a URI for."""
_DICOM_UID = "urn:dicom:uid"
_IMAGING = "http://terminology.hl7.org/CodeSystem/v2-0074"


def export(study: ResultToExport) -> dict[str, bytes]:
    """Give a Bundle of the type 'collection'.

    The patient is named by PatientID alone, and only where the result's DICOM objects have one.

    Args:
        study: of any source.
    """
    return {FHIR_FILE: (json.dumps(bundle(study), indent=1) + "\n").encode()}


def bundle(study: ResultToExport) -> dict[str, Any]:
    """Give the Bundle; the same result always has the same ids.

    Args:
        study: of any source.
    """
    result = study.result
    name = uuid5(NAMESPACE_OID, f"{result.study_uid or result.series_uid} {result.created}")

    def url(part: str) -> str:
        return f"urn:uuid:{uuid5(name, part)}"

    subject = _subject(study)
    device, imaging = {"reference": url("device")}, {"reference": url("imaging study")}
    observations = {
        url(f"finding {f.id}"): {
            **_observation(f),
            **subject,
            "device": device,
            **({"derivedFrom": [imaging]} if result.study_uid else {}),
        }
        for f in result.findings
    }
    lines = summary_lines(result, [None] * len(result.findings), Texts())
    report = {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "category": [{"coding": [{"system": _IMAGING, "code": "RAD", "display": "Radiology"}]}],
        "code": _concept(codes.CT_CHEST),
        **subject,
        "issued": result.created,
        **({"imagingStudy": [imaging]} if result.study_uid else {}),
        "result": [{"reference": reference} for reference in observations],
        "conclusion": "\n".join(lines),
    }
    resources = {url("report"): report, **observations, url("device"): _device(study)}
    if result.study_uid:
        resources[url("imaging study")] = {**_imaging_study(study), **_subject(study, True)}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": result.created,
        "entry": [{"fullUrl": full, "resource": one} for full, one in resources.items()],
    }


def _subject(study: ResultToExport, required: bool = False) -> dict[str, Any]:
    """The patient by PatientID; an ImagingStudy must have a subject, if only in words."""
    header = study.header or Dataset()
    number = str(header.get("PatientID") or "")
    if not number:
        return {"subject": {"display": "not named"}} if required else {}
    issuer = str(header.get("IssuerOfPatientID") or "")
    identifier = {"value": number, **({"assigner": {"display": issuer}} if issuer else {})}
    return {"subject": {"identifier": identifier}}


def _device(study: ResultToExport) -> dict[str, Any]:
    models = [f"{m.name} {m.version}" for m in study.result.models]
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "Nodulus", "type": "model-name"}],
        "version": [{"value": study.result.nodulus_version}],
        "note": [{"text": f"{study.result.disclaimer} Networks: {', '.join(models)}."}],
    }


def _imaging_study(study: ResultToExport) -> dict[str, Any]:
    result, header = study.result, study.header or Dataset()
    ct = {"system": SYSTEMS["DCM"], "code": "CT", "display": "Computed Tomography"}
    date = str(header.get("StudyDate") or "")
    started = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else ""
    return {
        "resourceType": "ImagingStudy",
        "status": "available",
        "identifier": [{"system": _DICOM_UID, "value": f"urn:oid:{result.study_uid}"}],
        "modality": [ct],
        **({"started": started} if started else {}),
        "series": [{"uid": result.series_uid, "modality": ct}],
    }


def _observation(finding: Finding) -> dict[str, Any]:
    parts = [codes.region_code(finding.lobe), codes.laterality_code(finding.laterality)]
    return {
        "resourceType": "Observation",
        "identifier": [{"system": _DICOM_UID, "value": f"urn:oid:{finding.tracking_uid}"}],
        "status": "preliminary",
        "code": {**_concept(codes.NODULE), "text": f"Nodule {finding.id}"},
        "bodySite": {
            "coding": [_coding(code) for code in parts if code is not None],
            "text": " ".join(code.meaning for code in reversed(parts) if code is not None),
        },
        "component": list(_components(finding)),
    }


def _components(finding: Finding) -> Iterator[dict[str, Any]]:
    mm, mm3, hu = codes.MILLIMETER, codes.CUBIC_MILLIMETER, codes.HOUNSFIELD_UNIT
    percent = codes.PERCENT
    for concept, value, unit in (
        (codes.CERTAINTY_OF_FINDING, 100 * finding.nodule_probability, percent),
        (codes.PROBABILITY_OF_CANCER, 100 * finding.malignancy_probability, percent),
        (codes.LONG_AXIS, finding.longest_diameter_mm, mm),
        (codes.SHORT_AXIS, finding.perpendicular_diameter_mm, mm),
        (codes.VOLUME, finding.volume_mm3, mm3),
        (codes.ATTENUATION, finding.mean_hu, hu),
        (codes.SOLID_VOLUME, finding.solid_volume_mm3, mm3),
        (codes.SOLID_LONG_AXIS, finding.solid_longest_diameter_mm, mm),
    ):
        if value is not None:
            quantity = {
                "value": round(value, 3),
                "unit": unit.meaning,
                "system": SYSTEMS["UCUM"],
                "code": unit.value,
            }
            yield {"code": _concept(concept), "valueQuantity": quantity}
    if finding.texture is not None:
        texture = _concept(codes.TEXTURES[finding.texture])
        yield {"code": _concept(codes.TEXTURE), "valueCodeableConcept": texture}
    for one in finding.characteristics:
        said = {True: "yes", False: "no", None: "not assessed"}[one.present]
        text = f"{said} ({100 * one.probability:.0f} %)"
        yield {"code": _concept(codes.CHARACTERISTICS[one.name]), "valueString": text}


def _concept(code: Any) -> dict[str, Any]:
    """A concept; its text alone where FHIR has no URI for the scheme."""
    if code.scheme_designator not in SYSTEMS:
        return {"text": code.meaning}
    return {"coding": [_coding(code)], "text": code.meaning}


def _coding(code: Any) -> dict[str, str]:
    system = SYSTEMS[code.scheme_designator]
    return {"system": system, "code": code.value, "display": code.meaning}
