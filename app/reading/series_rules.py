"""The rules that a stack must pass to be read as a chest CT, in order; docs/input.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.kernels import Sharpness, sharpness
from nodulus.app.reading.message_words import count, millimetres
from nodulus.app.reading.pixels import missing_decoder
from nodulus.app.reading.slice_plan import SlicePlan, plan_slices
from nodulus.app.reading.stacks import Stack, is_localizer

CT_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT Image Storage
    }
)
_PICTURES = frozenset({"SCREEN SAVE", "DOSE", "DOSE_INFO", "DOSE REPORT", "PROTOCOL", "REPORT"})
_PROJECTIONS = frozenset(
    {"MIP", "MINIP", "MNIP", "MAX_IP", "MIN_IP", "PROJECTION IMAGE", "VRT", "VOLREN", "SSD"}
)
_MAPS = frozenset(
    {"IODINE", "IODINE_MAP", "Z_EFF", "ZEFF", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "PERFUSION"}
)
_HOUNSFIELD_TYPES = frozenset({"", "HU", "US", "HU_MOD"})


@dataclass(frozen=True, eq=False)
class Candidate:
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


def examine(stack: Stack) -> Candidate:
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
            f"It has {count(len(plan.slices), 'slice')}; a volume needs {limits.MIN_SLICES}.",
        )
    if spacing_mm > limits.MAX_GAP_MM + limits.JITTER_MM:
        _reject(
            stack,
            ErrorCode.MISSING_SLICES,
            f"Its slices are {millimetres(spacing_mm)} apart, more than "
            f"{millimetres(limits.MAX_GAP_MM)}: most of the lung was not imaged.",
        )
    if coverage_mm < limits.MIN_COVERAGE_MM:
        _reject(
            stack,
            ErrorCode.TOO_FEW_SLICES,
            f"It covers {millimetres(coverage_mm)}; a chest needs at least "
            f"{millimetres(limits.MIN_COVERAGE_MM)}.",
        )
    cosine = abs(float(plan.plane.slice_axis[2]))
    return Candidate(
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
    types = set(header.image_type)
    if header.modality != "CT":
        modality = header.modality or "not stated"
        _reject(stack, ErrorCode.WRONG_MODALITY, f"Its modality is {modality}, not CT.")
    if not header.sop_class_uid:
        _reject(stack, ErrorCode.NO_CT_SERIES, "It does not say what it is (no SOPClassUID).")
    if header.sop_class_uid not in CT_CLASSES:
        _reject(
            stack,
            ErrorCode.NO_CT_SERIES,
            "It is no CT image but a picture, report or other object.",
        )
    if is_localizer(header):
        _reject(stack, ErrorCode.NO_CT_SERIES, "It is a localizer (scout view).")
    for names, what in (
        (_PICTURES, "a screen save or report"),
        (_PROJECTIONS, "a projection or rendering, not slices of Hounsfield units"),
        (_MAPS, "a material map, not Hounsfield units"),
    ):
        if found := names & types:
            _reject(stack, ErrorCode.NO_CT_SERIES, f"Its image type {min(found)} is {what}.")


def _checked_plan(stack: Stack) -> SlicePlan:
    if len(stack.headers) < limits.MIN_SLICES:
        _reject(
            stack,
            ErrorCode.TOO_FEW_SLICES,
            f"It has {count(len(stack.headers), 'image')}; a volume needs {limits.MIN_SLICES}.",
        )
    plan = plan_slices(stack.headers)
    for header in plan.slices:
        if header.slope is None or header.intercept is None or header.slope == 0:
            _reject(
                stack,
                ErrorCode.NOT_HOUNSFIELD,
                "It has no RescaleSlope and RescaleIntercept, so its values are unknown.",
            )
        if abs(header.slope) > limits.MAX_SLOPE or abs(header.intercept) > limits.MAX_INTERCEPT:
            _reject(
                stack,
                ErrorCode.NOT_HOUNSFIELD,
                f"Its RescaleSlope {header.slope:g} and RescaleIntercept {header.intercept:g} "
                "give no Hounsfield units.",
            )
        if (header.rescale_type or "").upper() not in _HOUNSFIELD_TYPES:
            _reject(
                stack,
                ErrorCode.NOT_HOUNSFIELD,
                f"Its values are in {header.rescale_type}, not Hounsfield units.",
            )
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


def _is_other_part(body_part: str | None) -> bool:
    name = (body_part or "").upper()
    return bool(name) and not any(part in name for part in ("CHEST", "THORA", "LUNG", "BODY"))


def _reject(stack: Stack, code: ErrorCode, message: str) -> NoReturn:
    raise NodulusError(
        code,
        message,
        remedy="Give a chest CT with axial slices in Hounsfield units.",
        subject=stack.series_uid,
    )
