"""Whose scan it is and when it was made, from its DICOM header."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pydicom

from nodulus.app.reading.patient_facts import DATES, scan_day
from nodulus.app.volume import CtVolume

_PATIENT = ("PatientID", "IssuerOfPatientID")


@dataclass(frozen=True)
class ScanHeader:
    """What tells two scans of a patient apart.

    Args:
        patient: PatientID and its issuer, to be compared and never written; None without one.
        acquired: the day of the scan.
    """

    patient: tuple[str, str] | None
    acquired: dt.date | None


def read_scan_header(volume: CtVolume) -> ScanHeader:
    """The patient and the day of a scan; both None where it is not of DICOM files."""
    if not volume.source_images:
        return ScanHeader(None, None)
    return scan_header_of(volume.source_images[0].path)


def scan_header_of(path: Path) -> ScanHeader:
    """The patient and the day of a scan by one of its DICOM files."""
    header = pydicom.dcmread(
        path, stop_before_pixels=True, force=True, specific_tags=[*DATES, *_PATIENT]
    )
    patient, issuer = (str(header.get(name) or "").strip() for name in _PATIENT)
    return ScanHeader((patient, issuer) if patient else None, scan_day(header))
