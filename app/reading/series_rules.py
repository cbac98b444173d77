"""The rules that a stack must pass to be read as a chest CT, in order; docs/input.md lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.kernels import Sharpness, sharpness
from nodulus.app.reading.message_words import count, millimetres
from nodulus.app.reading.pixels import missing_decoder
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.reading.slice_plan import SlicePlan, plan_slices
from nodulus.app.reading.stacks import Stack

CT_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT Image Storage
    }
)
_OTHER_MODALITIES = frozenset(
    {"AR", "BMD", "CR", "DOC", "DX", "ECG", "ES", "GM", "IO", "IVUS", "KO", "MG", "MR", "NM", "OCT",
     "OP", "OT", "PR", "PT", "PX", "REG", "RF", "RG", "RTDOSE", "RTIMAGE", "RTPLAN", "RTSTRUCT",
     "RWV", "SC", "SEG", "SM", "SR", "US", "XA", "XC"}
)  # fmt: skip
_HOUNSFIELD = frozenset({"", "HU", "US", "HUMOD", "H", "HOUNSFIELD", "HOUNSFIELDUNIT",
                         "HOUNSFIELDUNITS"})  # fmt: skip
_OTHER_UNITS = frozenset(
    {"OD", "MGML", "ZEFF", "ED", "EDW", "PCT", "PERCENT", "SUV", "BQML", "CNTS", "CPS", "GML", "GY"}
)
"""Defined terms of RescaleType (PS3.3 C.11.1.1.2) and of Units that are not Hounsfield units."""

_WHOLE_SERIES = "Give the folder of the whole series; single images are no volume."
_UNCHANGED = "Export the series from the scanner or archive again, unchanged."


@dataclass(frozen=True, eq=False)
class SeriesCandidate:
    """A stack that passed every rule, with what it is ranked by.

    Args:
        stack: its images.
        plan: how they become a volume.
        coverage_mm: extent along the slice normal.
        spacing_mm: distance between slices.
        detail_mm: the larger of slice thickness and distance.
        is_axial: whether the normal lies near the body axis.
        is_original: False for ImageType DERIVED.
        is_other_part: BodyPartExamined names a part that is not the chest.
        sharpness: of the reconstruction kernel.
    """

    stack: Stack
    plan: SlicePlan
    coverage_mm: float
    spacing_mm: float
    detail_mm: float
    is_axial: bool
    is_original: bool
    is_other_part: bool
    sharpness: Sharpness


def examine(stack: Stack) -> SeriesCandidate:
    """Apply the rules.

    Raises:
        NodulusError: the first rule that the stack does not pass, in plain words.
    """
    _check_kind(stack)
    plan = _checked_plan(stack)
    header = plan.slices[0]
    spacing_mm = plan.geometry.spacing_irc_mm[0]
    coverage_mm = spacing_mm * plan.geometry.shape_irc[0]
    if len(plan.slices) < limits.MIN_SLICES:
        _reject(
            stack,
            ErrorCode.TOO_FEW_SLICES,
            f"It has {count(len(plan.slices), 'slice')} at different positions; a volume needs "
            f"{limits.MIN_SLICES}.",
            remedy=_WHOLE_SERIES,
        )
    if spacing_mm > limits.MAX_GAP_MM + limits.JITTER_MM:
        _reject(
            stack,
            ErrorCode.MISSING_SLICES,
            f"Its slices are {millimetres(spacing_mm)} apart, more than "
            f"{millimetres(limits.MAX_GAP_MM)}: most of the lung was not imaged.",
            remedy="Give a series whose slices lie closer together.",
        )
    cosine = abs(float(plan.plane.slice_axis[2]))
    return SeriesCandidate(
        stack=stack,
        plan=plan,
        coverage_mm=coverage_mm,
        spacing_mm=spacing_mm,
        detail_mm=max(header.thickness_mm or 0.0, spacing_mm),
        is_axial=cosine >= np.cos(np.radians(limits.MAX_AXIAL_TILT_DEGREES)),
        is_original="DERIVED" not in header.image_type,
        is_other_part=_is_other_part(header.body_part),
        sharpness=sharpness(header.kernel),
    )


def _check_kind(stack: Stack) -> None:
    header = stack.first
    is_ct_class = header.sop_class_uid in CT_CLASSES
    # A CT class allows no other modality: what stands there may be empty or mistyped.
    if header.modality != "CT" and (not is_ct_class or header.modality in _OTHER_MODALITIES):
        modality = header.modality or "not stated"
        _reject(
            stack,
            ErrorCode.WRONG_MODALITY,
            f"Its modality is {modality[:16]}, not CT.",
            remedy="Give a CT of the chest.",
        )
    if not header.sop_class_uid:
        _reject(stack, ErrorCode.NO_CT_SERIES, "It does not say what it is (no SOPClassUID).")
    if not is_ct_class:
        _reject(
            stack,
            ErrorCode.NO_CT_SERIES,
            "It is no CT image but a picture, report or other object.",
        )
    kind = header.kind
    if kind is not None:
        what, value = kind
        _reject(stack, ErrorCode.NO_CT_SERIES, f"Its image type {value} is {what.value}.")


def _checked_plan(stack: Stack) -> SlicePlan:
    if len(stack.headers) < limits.MIN_SLICES:
        _reject(
            stack,
            ErrorCode.TOO_FEW_SLICES,
            f"It has {count(len(stack.headers), 'image')}; a volume needs {limits.MIN_SLICES}.",
            remedy=_WHOLE_SERIES,
        )
    plan = plan_slices(stack.headers)
    for header in plan.slices:
        _check_rescale(stack, header)
    for syntax in sorted({header.transfer_syntax_uid for header in plan.slices}):
        name = missing_decoder(syntax)
        if name is not None:
            raise NodulusError(
                ErrorCode.DECODER_MISSING,
                f"Nothing installed decodes its transfer syntax, {name} ({syntax}).",
                remedy="Install a pydicom plug-in for it (pylibjpeg), or convert the series.",
                subject=stack.series_uid,
            )
    return plan


def _check_rescale(stack: Stack, header: SliceHeader) -> None:
    for keyword, value in (
        ("RescaleSlope", header.slope),
        ("RescaleIntercept", header.intercept),
    ):
        if value is None:
            what = "is no number" if keyword in header.unreadable else "is missing"
            _reject(
                stack,
                ErrorCode.NOT_HOUNSFIELD,
                f"Its {keyword} {what}, so that its values are unknown.",
                remedy=_UNCHANGED,
            )
    slope, intercept = header.slope or 0.0, header.intercept or 0.0
    if slope == 0 or abs(slope) > limits.MAX_SLOPE or abs(intercept) > limits.MAX_INTERCEPT:
        _reject(
            stack,
            ErrorCode.NOT_HOUNSFIELD,
            f"Its RescaleSlope {slope:g} and RescaleIntercept {intercept:g} "
            "give no Hounsfield units.",
            remedy=_UNCHANGED,
        )
    if is_other_unit(header.rescale_type):
        _reject(
            stack,
            ErrorCode.NOT_HOUNSFIELD,
            f"Its RescaleType is {header.rescale_type}, not HU (Hounsfield units).",
            remedy="Give the series that is in Hounsfield units.",
        )


def is_other_unit(rescale_type: str | None) -> bool:
    """Whether RescaleType names a unit that is not Hounsfield's."""
    return _letters(rescale_type) in _OTHER_UNITS


def is_known_unit(rescale_type: str | None) -> bool:
    """Whether RescaleType is absent, unspecified (US), or names Hounsfield's units."""
    return _letters(rescale_type) in _HOUNSFIELD


def _letters(rescale_type: str | None) -> str:
    return re.sub(r"[^A-Z0-9]", "", (rescale_type or "").upper())


def _is_other_part(body_part: str | None) -> bool:
    name = (body_part or "").upper()
    return bool(name) and not any(part in name for part in ("CHEST", "THORA", "LUNG", "BODY"))


def _reject(
    stack: Stack,
    code: ErrorCode,
    message: str,
    remedy: str = "Give a chest CT with axial slices in Hounsfield units.",
) -> NoReturn:
    raise NodulusError(code, message, remedy=remedy, subject=stack.series_uid)
