"""What all derived DICOM objects have in common: series, numbers, maker, character set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highdicom as hd
from pydicom.uid import generate_uid

from nodulus.app.result import StudyResult

DEVICE_UID = "2.25.151371849117466853213083716474393514817"
"""Stands for the software Nodulus as an observer (TID 1004); always the same."""


@dataclass(frozen=True)
class DerivedSeries:
    """A series that Nodulus adds to a study.

    Args:
        number: its SeriesNumber.
        description: its SeriesDescription.
    """

    number: int
    description: str


SEG = DerivedSeries(9801, "Nodulus nodules (research)")
SR = DerivedSeries(9802, "Nodulus findings (research, unverified)")
KEY_OBJECTS = DerivedSeries(9803, "Nodulus key objects (research)")
KEY_IMAGES = DerivedSeries(9804, "Nodulus key images (research)")
PDF = DerivedSeries(9805, "Nodulus report (research, unverified)")


def common(series: DerivedSeries, result: StudyResult, *, series_uid: str = "") -> dict[str, Any]:
    """Give the arguments that every object of highdicom takes.

    Args:
        series: the object's series.
        result: the study's result.
        series_uid: SeriesInstanceUID, where several objects share one.
    """
    return {
        "series_instance_uid": series_uid or generate_uid(prefix=None),
        "series_number": series.number,
        "series_description": series.description,
        "sop_instance_uid": generate_uid(prefix=None),
        "manufacturer": "Nodulus",
        "manufacturer_model_name": "Nodulus",
        "software_versions": result.nodulus_version,
        "device_serial_number": "none",
        "specific_character_set": "ISO_IR 192",
    }


def observer(result: StudyResult) -> Any:
    """Give the software as the device that observed (TID 1002)."""
    return hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=DEVICE_UID,
            name="Nodulus",
            manufacturer_name="Nodulus",
            model_name=f"Nodulus {result.nodulus_version} (research)",
        ),
    )
