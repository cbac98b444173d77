"""From a pydicom Dataset to slice headers: one for an image, one a frame for a multi-frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from nodulus.app.reading.slice_header import DECODED_BY, AttributeReader, SliceHeader, Vector


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
    is_signed = read.integer("PixelRepresentation") == 1
    bits = read.integer("BitsAllocated")
    temporal = read.text("TemporalPositionIdentifier")
    header = SliceHeader(
        path=path,
        frame=None,
        study_uid=read.text("StudyInstanceUID") or "",
        series_uid=read.text("SeriesInstanceUID") or "",
        sop_class_uid=read.text("SOPClassUID") or "",
        sop_instance_uid=read.text("SOPInstanceUID") or "",
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
        stack=() if temporal is None else (temporal,),
        series_number=read.integer("SeriesNumber"),
        kernel=read.text("ConvolutionKernel"),
        body_part=read.text("BodyPartExamined"),
        frame_of_reference_uid=read.text("FrameOfReferenceUID"),
        manufacturer=read.text("Manufacturer"),
        model_name=read.text("ManufacturerModelName"),
        kvp=read.number("KVP"),
        contrast=None
        if "ContrastBolusAgent" not in dataset
        else bool(read.text("ContrastBolusAgent")),
        damage=damage,
    )
    absent = tuple(keyword for keyword in DECODED_BY if read.value(keyword) is None)
    return replace(header, unreadable=tuple(read.unreadable), absent=absent)


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
    for item in _items(groups, "CTImageFrameTypeSequence"):
        frame_type = frame_type or item.texts("FrameType")
    stack = [
        text
        for text in (
            _text(groups, "FrameContentSequence", "StackID"),
            _text(groups, "FrameContentSequence", "TemporalPositionIndex"),
        )
        if text is not None
    ]
    acquisition = _number(groups, "FrameContentSequence", "FrameAcquisitionNumber")
    return replace(
        base,
        frame=index,
        position_lps_mm=_numbers(groups, "PlanePositionSequence", "ImagePositionPatient", 3),
        orientation=_numbers(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6),
        pixel_spacing_mm=_numbers(groups, "PixelMeasuresSequence", "PixelSpacing", 2),
        thickness_mm=_number(groups, "PixelMeasuresSequence", "SliceThickness"),
        slope=_number(groups, "PixelValueTransformationSequence", "RescaleSlope"),
        intercept=_number(groups, "PixelValueTransformationSequence", "RescaleIntercept"),
        rescale_type=_text(groups, "PixelValueTransformationSequence", "RescaleType"),
        kernel=_text(groups, "CTReconstructionSequence", "ConvolutionKernel") or base.kernel,
        kvp=_number(groups, "CTXRayDetailsSequence", "KVP") or base.kvp,
        image_type=frame_type or base.image_type,
        instance_number=index + 1,
        acquisition_number=base.acquisition_number if acquisition is None else int(acquisition),
        stack=tuple(stack) or base.stack,
    )
