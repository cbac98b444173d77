"""What is kept of the header of one DICOM image, or of one frame of a multi-frame image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from nodulus.app.reading.image_types import ImageKind, image_kind
from nodulus.app.volume import SeriesFacts, SourceImage

Vector = tuple[float, float, float]
IdentityDigests = tuple[str | None, str | None, str | None, str | None]

TAGS = (
    "AcquisitionDate",
    "AcquisitionDateTime",
    "AcquisitionNumber",
    "AcquisitionTime",
    "BitsAllocated",
    "BitsStored",
    "BodyPartExamined",
    "Columns",
    "ContrastBolusAgent",
    "ConvolutionKernel",
    "DerivationDescription",
    "FrameOfReferenceUID",
    "HighBit",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "ImagesInAcquisition",
    "InstanceNumber",
    "IrradiationEventUID",
    "KVP",
    "Manufacturer",
    "ManufacturerModelName",
    "Modality",
    "NominalPercentageOfCardiacPhase",
    "NumberOfFrames",
    "NumberOfSeriesRelatedInstances",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelPaddingRangeLimit",
    "PixelPaddingValue",
    "PixelRepresentation",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SharedFunctionalGroupsSequence",
    "SliceLocation",
    "SliceThickness",
    "StackID",
    "StudyInstanceUID",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TriggerTime",
    "VolumeBasedCalculationTechnique",
)
"""The attributes that are read, none of which identifies a patient."""

IDENTITY_TAGS = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
"""Only compared with those of other images, as a digest: nothing here is kept."""

DECODED_BY = ("SamplesPerPixel", "PhotometricInterpretation", "BitsStored", "PixelRepresentation")
"""Attributes that have no default and that every decoder needs."""


_MAX_INTEGER = 2**32


@dataclass(frozen=True)
class SliceHeader:
    """The attributes of one image or frame; None where missing or not readable.

    Args:
        path: the file.
        frame: 0-based frame of a multi-frame file, else None.
        position_lps_mm: ImagePositionPatient.
        orientation: ImageOrientationPatient, six direction cosines.
        pixel_spacing_mm: PixelSpacing, between rows first.
        padding: lowest and highest stored value that stands for 'no image here'.
        acquisition_time: AcquisitionDateTime, or AcquisitionDate and AcquisitionTime, as text.
        stack: whatever tells stacks in one series apart beside geometry: StackID, temporal
            position.
        irradiation_event_uid: names one irradiation of the patient.
        cardiac_phase: NominalPercentageOfCardiacPhase, or TriggerTime, as text.
        descriptions: how the image was derived and what its series is called, in upper case; only
            compared, and looked through for words of `image_kind`.
        images_stated: how many images the acquisition or the series has, as the header says.
        identity_digests: of PatientID, its issuer, PatientName and PatientBirthDate, None for each
            that is not there; only to be compared with those of other images.
        assumed: what was taken for granted in place of an attribute that makes no sense.
        unreadable: keywords of attributes whose value is there but makes no sense.
        absent: keywords of attributes that are not there, though no pixels decode without them.
        damage: why the pixels cannot be read (a truncated file), None for a whole one.
    """

    path: Path
    frame: int | None
    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    modality: str
    image_type: tuple[str, ...]
    rows: int | None
    columns: int | None
    samples_per_pixel: int
    bits_allocated: int | None
    is_signed: bool
    photometric: str
    number_of_frames: int
    transfer_syntax_uid: str
    position_lps_mm: Vector | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, float] | None
    slope: float | None
    intercept: float | None
    rescale_type: str | None
    padding: tuple[int, int] | None
    thickness_mm: float | None
    instance_number: int | None
    acquisition_number: int | None
    stack: tuple[str, ...]
    series_number: int | None
    kernel: str | None
    body_part: str | None
    frame_of_reference_uid: str | None
    manufacturer: str | None
    model_name: str | None
    kvp: float | None
    contrast: bool | None
    bits_stored: int | None = None
    high_bit: int | None = None
    acquisition_time: str | None = None
    slice_location_mm: float | None = None
    irradiation_event_uid: str | None = None
    cardiac_phase: str | None = None
    descriptions: tuple[str, ...] = ()
    images_stated: int | None = None
    identity_digests: IdentityDigests = (None, None, None, None)
    assumed: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    damage: str | None = None

    @property
    def identity(self) -> tuple[str, int | None]:
        """What tells this image from every other."""
        return self.sop_instance_uid, self.frame

    @property
    def kind(self) -> tuple[ImageKind, str] | None:
        """What the image is that is no slice in Hounsfield units; see `image_kind`."""
        return image_kind(self.image_type, self.descriptions)

    @property
    def not_decodable_for(self) -> tuple[str, ...]:
        """Attributes without which no pixels decode, and which are absent or make no sense."""
        return tuple(k for k in DECODED_BY if k in self.absent or k in self.unreadable)

    @property
    def source_image(self) -> SourceImage:
        """The reference that results are written with."""
        return SourceImage(
            path=self.path,
            sop_instance_uid=self.sop_instance_uid,
            sop_class_uid=self.sop_class_uid,
            frame_number=None if self.frame is None else self.frame + 1,
            position_lps_mm=self.position_lps_mm or (math.nan, math.nan, math.nan),
        )

    @property
    def facts(self) -> SeriesFacts:
        """What goes into the result about the acquisition."""
        return SeriesFacts(
            modality=self.modality or None,
            manufacturer=self.manufacturer,
            model_name=self.model_name,
            convolution_kernel=self.kernel,
            slice_thickness_mm=self.thickness_mm,
            kvp=self.kvp,
            contrast_agent=self.contrast,
            transfer_syntax_uid=self.transfer_syntax_uid or None,
            series_number=self.series_number,
        )


@cache
def _tag(keyword: str) -> Any:
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    return Tag(cast("int", tag_for_keyword(keyword)))


def value_of(dataset: Any, keyword: str) -> Any:
    """An attribute's value, None where there is none; ``Dataset.get`` takes several times as long.

    Args:
        dataset: of pydicom.
        keyword: of the standard's dictionary.
    """
    tag = _tag(keyword)
    return dataset[tag].value if tag in dataset else None


class AttributeReader:
    """Reads values of a pydicom Dataset by keyword, noting those that make no sense."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.unreadable: list[str] = []

    def value(self, keyword: str) -> Any:
        """The value, or None where absent, empty or not decodable."""
        try:
            value = value_of(self.dataset, keyword)
        except Exception:  # pydicom raises many kinds on a malformed value
            self.unreadable.append(keyword)
            return None
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        return None if hasattr(value, "__len__") and len(value) == 0 else value

    def text(self, keyword: str) -> str | None:
        """The value as text, the first one of several."""
        value = self.value(keyword)
        if value is None:
            return None
        if not isinstance(value, str) and hasattr(value, "__getitem__"):
            value = value[0]
        return str(value).strip() or None

    def whole_text(self, keyword: str) -> str | None:
        """The value as text, all of several."""
        value = self.value(keyword)
        if value is None:
            return None
        values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        return "\\".join(str(item).strip() for item in values).strip() or None

    def all_texts(self, *keywords: str) -> tuple[str, ...]:
        """The first values of those attributes that have one."""
        return tuple(text for text in map(self.text, keywords) if text is not None)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values as upper-case text."""
        value = self.value(keyword)
        if value is None:
            return ()
        values = [value] if isinstance(value, str) else list(value)
        return tuple(str(item).strip().upper() for item in values)

    def numbers(self, keyword: str, length: int) -> tuple[float, ...] | None:
        """Exactly ``length`` finite numbers, else None (and noted, where there is a value)."""
        value = self.value(keyword)
        if value is None:
            return None
        try:
            items = list(value) if hasattr(value, "__iter__") else [value]
            numbers = tuple(float(item) for item in items)
        except (TypeError, ValueError):
            numbers = ()
        if len(numbers) != length or not all(math.isfinite(number) for number in numbers):
            self.unreadable.append(keyword)
            return None
        return numbers

    def number(self, keyword: str) -> float | None:
        """One finite number (the first one of several)."""
        value = self.value(keyword)
        if value is not None and not isinstance(value, str) and hasattr(value, "__getitem__"):
            value = value[0]
        try:
            number = None if value is None else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if number is not None and not math.isfinite(number):
            self.unreadable.append(keyword)
            return None
        return number

    def integer(self, keyword: str) -> int | None:
        """One whole number of 32 bits, as all of DICOM's are; else None (and noted)."""
        number = self.number(keyword)
        if number is not None and abs(number) > _MAX_INTEGER:
            self.unreadable.append(keyword)
            return None
        return None if number is None else int(number)
