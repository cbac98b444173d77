"""A patient's age and sex as a DICOM header tells them, and nothing that it does not tell."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

import pydicom

from nodulus.app.volume import CtVolume

DATES = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")
"""Of a scan, the nearest to its making first."""
_OLDEST_YEARS = 120
_TOLERANCE_YEARS = 1
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_SEX: dict[str, Literal["female", "male"]] = {"F": "female", "M": "male"}


@dataclass(frozen=True)
class PatientFacts:
    """What a header tells; None where it tells nothing, or nothing that can be.

    Args:
        age_years: at the scan; completed years from the age of two on.
        age_source: the attributes that it comes from.
        sex: the patient's.
        sex_source: the attribute that it comes from.
        doubts: what was there and was not taken, and why; no value of it.
    """

    age_years: float | None = None
    age_source: str | None = None
    sex: Literal["female", "male"] | None = None
    sex_source: str | None = None
    doubts: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, str]:
        """By name, where what is known comes from."""
        both = {"age_years": self.age_source, "sex": self.sex_source}
        return {name: source for name, source in both.items() if source is not None}


def read_patient_facts(volume: CtVolume) -> PatientFacts:
    """Read age and sex of whom a volume shows; nothing for research formats."""
    if not volume.source_images:
        return PatientFacts()
    header = pydicom.dcmread(
        volume.source_images[0].path,
        stop_before_pixels=True,
        force=True,
        specific_tags=["PatientAge", "PatientBirthDate", "PatientSex", *DATES],
    )
    return patient_facts(header)


def patient_facts(header: pydicom.Dataset) -> PatientFacts:
    """Age and sex by PatientAge, PatientBirthDate with the scan's date, and PatientSex.

    PatientAge is an Age String (PS3.5 6.2). An age beyond 120 years, of zero, or before birth is
    none, and where PatientAge and the birth date disagree by more than a year neither is taken.
    PatientSex is taken where it is M or F; O (other) is neither of the two that models ask for.

    Args:
        header: of one image.
    """
    doubts: list[str] = []
    told = _plausible(_age_string(_text(header, "PatientAge")), "PatientAge", doubts)
    birth, scan = _day(_text(header, "PatientBirthDate")), scan_day(header)
    years = _completed_years(birth, scan) if birth and scan else None
    counted = _plausible(years, "PatientBirthDate", doubts)
    if _text(header, "PatientAge") and told is None and not doubts:
        doubts.append("PatientAge is no Age String")
    age, source = told, "DICOM PatientAge"
    if told is None:
        age, source = counted, "DICOM PatientBirthDate and the scan's date"
    elif counted is not None and abs(told - counted) > _TOLERANCE_YEARS:
        doubts.append("PatientAge and PatientBirthDate disagree")
        age = None
    sex = _SEX.get(_text(header, "PatientSex").upper())
    return PatientFacts(
        age,
        None if age is None else source,
        sex,
        None if sex is None else "DICOM PatientSex",
        tuple(doubts),
    )


def scan_day(header: pydicom.Dataset) -> dt.date | None:
    """The day of a scan; None where no attribute has one that can be read."""
    return next((day for name in DATES if (day := _day(_text(header, name)))), None)


def _text(header: pydicom.Dataset, name: str) -> str:
    return str(header.get(name) or "").strip()


def _day(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text.replace(".", "")[:8], "%Y%m%d").date()
    except ValueError:
        return None


def _age_string(text: str) -> float | None:
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text.upper())
    if match is None:
        return None
    number, unit = int(match[1]), match[2]
    return float(number) if unit == "Y" else number / _PER_YEAR[unit]


def _completed_years(birth: dt.date, scan: dt.date) -> float:
    if (scan - birth).days < 2 * 365:
        return (scan - birth).days / _PER_YEAR["D"]
    return float(scan.year - birth.year - ((scan.month, scan.day) < (birth.month, birth.day)))


def _plausible(age: float | None, name: str, doubts: list[str]) -> float | None:
    if age is None or 0 < age <= _OLDEST_YEARS:
        return age
    doubts.append(f"{name} gives no age that can be")
    return None
