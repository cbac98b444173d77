"""From a pydicom Dataset to slice headers: one for an image, one a frame for a multi-frame."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from nodulus.app.reading.slice_header import (
    DECODED_BY,
    IDENTITY_TAGS,
    AttributeReader,
    IdentityDigests,
    SliceHeader,
    Vector,
)
from nodulus.app.reading.uids import is_uid

_DESCRIPTIONS = ("VolumeBasedCalculationTechnique", "DerivationDescription", "SeriesDescription")
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def slice_headers(
    dataset: Any, path: Path, transfer_syntax_uid: str, damage: str | None
) -> list[SliceHeader]:
    """All images of one file.

    Multi-frame images carry geometry and rescaling in functional groups, shared by all frames
    or one a frame (DICOM PS3.3 C.7.6.16, CT in C.8.15.3); the rest holds for every frame.

    Args:
        dataset: header with the attributes in ``slice_header.TAGS``.
        path: the file that it was read from.
        transfer_syntax_uid: how the pixels are encoded.
        damage: why the pixels cannot be read, or None.
    """
    base = _base_header(dataset, path, transfer_syntax_uid, damage)
    per_frame = AttributeReader(dataset).value("PerFrameFunctionalGroupsSequence")
    if per_frame is None and base.number_of_frames <= 1:
        return [base]
    shared = AttributeReader(dataset).value("SharedFunctionalGroupsSequence") or []
    groups = list(per_frame) if per_frame is not None else []
    return [
        _frame_header(base, index, [*groups[index : index + 1], *shared])
        for index in range(base.number_of_frames)
    ]


def _base_header(
    dataset: Any, path: Path, transfer_syntax_uid: str, damage: str | None
) -> SliceHeader:
    read = AttributeReader(dataset)
    representation = read.integer("PixelRepresentation")
    if representation not in (None, 0, 1):
        read.unreadable.append("PixelRepresentation")
    is_signed = representation == 1
    bits = read.integer("BitsAllocated")
    sop_class_uid, assumed = _class_uid(read)
    header = SliceHeader(
        path=path,
        frame=None,
        study_uid=read.text("StudyInstanceUID") or "",
        series_uid=read.text("SeriesInstanceUID") or "",
        sop_class_uid=sop_class_uid,
        assumed=assumed,
        sop_instance_uid=instance_uid(dataset),
        modality=(read.text("Modality") or "").upper(),
        image_type=read.texts("ImageType"),
        rows=read.integer("Rows"),
        columns=read.integer("Columns"),
        samples_per_pixel=read.integer("SamplesPerPixel") or 1,
        bits_allocated=bits,
        is_signed=is_signed,
        photometric=(read.text("PhotometricInterpretation") or "").upper(),
        number_of_frames=max(1, read.integer("NumberOfFrames") or 1),
        transfer_syntax_uid=transfer_syntax_uid,
        position_lps_mm=cast("Vector | None", read.numbers("ImagePositionPatient", 3)),
        orientation=read.numbers("ImageOrientationPatient", 6),
        pixel_spacing_mm=cast("tuple[float, float] | None", read.numbers("PixelSpacing", 2)),
        slope=read.number("RescaleSlope"),
        intercept=read.number("RescaleIntercept"),
        rescale_type=read.text("RescaleType"),
        padding=_padding(read, is_signed, bits or 16),
        thickness_mm=read.number("SliceThickness"),
        instance_number=read.integer("InstanceNumber"),
        acquisition_number=read.integer("AcquisitionNumber"),
        stack=read.all_texts("StackID", "TemporalPositionIdentifier", "TemporalPositionIndex"),
        series_number=read.integer("SeriesNumber"),
        kernel=read.text("ConvolutionKernel"),
        body_part=read.text("BodyPartExamined"),
        frame_of_reference_uid=read.text("FrameOfReferenceUID"),
        manufacturer=read.text("Manufacturer"),
        model_name=read.text("ManufacturerModelName"),
        kvp=read.number("KVP"),
        bits_stored=read.integer("BitsStored"),
        high_bit=read.integer("HighBit"),
        acquisition_time=_time(read),
        slice_location_mm=read.number("SliceLocation"),
        irradiation_event_uid=read.text("IrradiationEventUID"),
        cardiac_phase=read.text("NominalPercentageOfCardiacPhase") or read.text("TriggerTime"),
        descriptions=tuple(text.upper() for text in read.all_texts(*_DESCRIPTIONS)),
        images_stated=read.integer("NumberOfSeriesRelatedInstances")
        or read.integer("ImagesInAcquisition"),
        identity_digests=cast(
            "IdentityDigests", tuple(_digest(read.whole_text(tag)) for tag in IDENTITY_TAGS)
        ),
        contrast=None
        if "ContrastBolusAgent" not in dataset
        else bool(read.text("ContrastBolusAgent")),
        damage=damage,
    )
    absent = tuple(keyword for keyword in DECODED_BY if read.value(keyword) is None)
    return replace(header, unreadable=tuple(read.unreadable), absent=absent)


def instance_uid(dataset: Any) -> str:
    """SOPInstanceUID, or where it is no UID what the file meta information repeats (PS3.10 7.1)."""
    stated = AttributeReader(dataset).text("SOPInstanceUID") or ""
    repeated = _meta(dataset, "MediaStorageSOPInstanceUID")
    return repeated if is_uid(repeated) and not is_uid(stated) else stated or repeated


def _class_uid(read: AttributeReader) -> tuple[str, tuple[str, ...]]:
    """SOPClassUID, and what was assumed of it.

    Where it is no UID at all, it is as the file meta information repeats it, and if that is none
    either, that of a CT image where Modality says so.
    """
    stated = read.text("SOPClassUID") or ""
    for uid in (stated, _meta(read.dataset, "MediaStorageSOPClassUID")):
        if re.fullmatch(r"[0-9.]{1,64}", uid):
            return uid, ()
    if (read.text("Modality") or "").upper() == "CT":
        return CT_IMAGE_STORAGE, ("SOPClassUID is missing or no UID; Modality is CT",)
    return stated, ()


def _meta(dataset: Any, keyword: str) -> str:
    meta = getattr(dataset, "file_meta", None)
    return "" if meta is None else AttributeReader(meta).text(keyword) or ""


def _time(read: AttributeReader) -> str | None:
    """When the image was acquired, as text that sorts; None where that is not stated."""
    whole = read.text("AcquisitionDateTime")
    if whole is None:
        time = read.text("AcquisitionTime")
        whole = None if time is None else f"{read.text('AcquisitionDate') or ''}{time}"
    # Without colons, as old files have them, and with a fraction of equal length.
    digits, _, fraction = (whole or "").replace(":", "").partition(".")
    return f"{digits}.{fraction[:6]:0<6}" if digits.isdigit() else None


def _digest(text: str | None) -> str | None:
    """What is the same where a text is, but for case, blanks and carets."""
    if text is None:
        return None
    plain = " ".join(text.upper().replace("^", " ").replace("=", " ").split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:16] if plain else None


def _padding(read: AttributeReader, is_signed: bool, bits: int) -> tuple[int, int] | None:
    """Stored values that are padding (PS3.3 C.7.5.1.1.2), in the sign of the pixels.

    Some files write a negative padding value as the unsigned number of the same bits.
    """
    ends = [read.integer("PixelPaddingValue"), read.integer("PixelPaddingRangeLimit")]
    if ends[0] is None:
        return None
    values = [end for end in ends if end is not None]
    if is_signed:
        values = [end - 2**bits if end >= 2 ** (bits - 1) else end for end in values]
    else:
        values = [end + 2**bits if end < 0 else end for end in values]
    return min(values), max(values)


def _items(groups: Sequence[Any], keyword: str) -> Iterator[AttributeReader]:
    """The first item of a functional group, per-frame before shared."""
    for group in groups:
        sequence = AttributeReader(group).value(keyword)
        if sequence is not None:
            yield AttributeReader(sequence[0])


def _numbers(groups: Sequence[Any], group: str, keyword: str, length: int) -> Any:
    for item in _items(groups, group):
        numbers = item.numbers(keyword, length)
        if numbers is not None:
            return numbers
    return None


def _text(groups: Sequence[Any], group: str, keyword: str) -> str | None:
    for item in _items(groups, group):
        text = item.text(keyword)
        if text is not None:
            return text
    return None


def _number(groups: Sequence[Any], group: str, keyword: str) -> float | None:
    for item in _items(groups, group):
        number = item.number(keyword)
        if number is not None:
            return number
    return None


def _frame_header(base: SliceHeader, index: int, groups: Sequence[Any]) -> SliceHeader:
    frame_type: tuple[str, ...] = ()
    descriptions = base.descriptions
    for item in _items(groups, "CTImageFrameTypeSequence"):
        frame_type = frame_type or item.texts("FrameType")
        calculated = item.text("VolumeBasedCalculationTechnique")
        if calculated is not None:
            descriptions = (calculated.upper(), *descriptions)
    stack = [
        text
        for text in (
            _text(groups, "FrameContentSequence", "StackID"),
            _text(groups, "FrameContentSequence", "TemporalPositionIndex"),
        )
        if text is not None
    ]
    acquisition = _number(groups, "FrameContentSequence", "FrameAcquisitionNumber")
    time = _text(groups, "FrameContentSequence", "FrameAcquisitionDateTime")

    def numbers(group: str, keyword: str, length: int, of_file: Any) -> Any:
        """Of the frame, else of all, else of the file: converters write it there."""
        found = _numbers(groups, group, keyword, length)
        return of_file if found is None else found

    def number(group: str, keyword: str, of_file: float | None) -> float | None:
        found = _number(groups, group, keyword)
        return of_file if found is None else found

    return replace(
        base,
        frame=index,
        position_lps_mm=numbers(
            "PlanePositionSequence",
            "ImagePositionPatient",
            3,
            base.position_lps_mm if base.number_of_frames == 1 else None,
        ),
        orientation=numbers(
            "PlaneOrientationSequence", "ImageOrientationPatient", 6, base.orientation
        ),
        pixel_spacing_mm=numbers("PixelMeasuresSequence", "PixelSpacing", 2, base.pixel_spacing_mm),
        thickness_mm=number("PixelMeasuresSequence", "SliceThickness", base.thickness_mm),
        slope=number("PixelValueTransformationSequence", "RescaleSlope", base.slope),
        intercept=number("PixelValueTransformationSequence", "RescaleIntercept", base.intercept),
        rescale_type=_text(groups, "PixelValueTransformationSequence", "RescaleType")
        or base.rescale_type,
        kernel=_text(groups, "CTReconstructionSequence", "ConvolutionKernel") or base.kernel,
        kvp=_number(groups, "CTXRayDetailsSequence", "KVP") or base.kvp,
        image_type=frame_type or base.image_type,
        descriptions=descriptions,
        instance_number=index + 1,
        acquisition_number=base.acquisition_number if acquisition is None else int(acquisition),
        acquisition_time=base.acquisition_time if time is None else time,
        slice_location_mm=None,
        irradiation_event_uid=_text(
            groups, "IrradiationEventIdentificationSequence", "IrradiationEventUID"
        )
        or base.irradiation_event_uid,
        cardiac_phase=_text(
            groups, "CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"
        )
        or base.cardiac_phase,
        images_stated=None,
        stack=tuple(stack) or base.stack,
    )
