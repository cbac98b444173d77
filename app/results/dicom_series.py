"""What all derived DICOM objects have in common: series, numbers, maker, character set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid5

import highdicom as hd

from nodulus.app.result import ModelInfo, OperatingPoint

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
REVIEW_SEG = DerivedSeries(9806, "Nodulus review masks (research)")
REVIEW_SR = DerivedSeries(9807, "Nodulus review (research, signed off)")
PDF = DerivedSeries(9805, "Nodulus report (research, unverified)")
FOLLOW_UP_SR = DerivedSeries(9808, "Nodulus follow-up (research, unverified)")
PRESENTATION_STATE = DerivedSeries(9811, "Nodulus outlines (research, unverified)")
NOT_ANALYSED = DerivedSeries(9810, "Nodulus NOT ANALYSED (research)")
OUTLINES = DerivedSeries(9809, "Nodulus outlines (research, unverified)")


class MadeByNodulus(Protocol):
    """What a derived object says of the software: of one study's result, or of a comparison's."""

    @property
    def nodulus_version(self) -> str:
        """Of the software."""

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The networks that took part."""

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """The thresholds that were applied."""


@dataclass(frozen=True)
class ObjectUids:
    """The UIDs of one derived object, known before it is made, so that others may refer to it.

    Args:
        series: SeriesInstanceUID.
        instance: SOPInstanceUID.
    """

    series: str
    instance: str


def derived_uid(study: UUID, name: str) -> str:
    """Give a UID (PS3.5 B.2) that is always the same for a study's results and a name.

    Args:
        study: of the study's results (`StudyPlan.uid`).
        name: says what the UID is of.
    """
    return f"2.25.{uuid5(study, name).int}"


def object_uids(study: UUID, series: DerivedSeries, instance_number: int = 1) -> ObjectUids:
    """Give the UIDs of an object.

    Args:
        study: of the study's results (`StudyPlan.uid`).
        series: the object's series.
        instance_number: its number in the series.
    """
    name = f"series {series.number}"
    return ObjectUids(derived_uid(study, name), derived_uid(study, f"{name}, {instance_number}"))


def common(series: DerivedSeries, result: MadeByNodulus, uids: ObjectUids) -> dict[str, Any]:
    """Give the arguments that every object of highdicom takes.

    Args:
        series: the object's series.
        result: the study's result.
        uids: the object's.
    """
    return {
        "series_instance_uid": uids.series,
        "series_number": series.number,
        "series_description": series.description,
        "sop_instance_uid": uids.instance,
        "manufacturer": "Nodulus",
        "manufacturer_model_name": "Nodulus",
        "software_versions": result.nodulus_version,
        "device_serial_number": "none",
        "specific_character_set": "ISO_IR 192",
    }


def observer(result: MadeByNodulus) -> Any:
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
