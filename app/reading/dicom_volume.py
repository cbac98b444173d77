"""Puts the images of a slice plan together to a volume in Hounsfield units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress
from nodulus.app.reading import limits
from nodulus.app.reading.hounsfield_check import check_hounsfield
from nodulus.app.reading.identity import image_warnings
from nodulus.app.reading.lateral_shift import place_slice
from nodulus.app.reading.message_words import abbreviated, count
from nodulus.app.reading.pixels import (
    UnreadablePixelsError,
    apply_rescale,
    decode,
    hounsfield_type,
    is_outside_bits,
    padding_is_tissue,
)
from nodulus.app.reading.slice_plan import SlicePlan, plan_slices
from nodulus.app.volume import CtVolume, VolumeWarning


def load_plan(
    plan: SlicePlan,
    notes: tuple[VolumeWarning, ...] = (),
    progress: Progress | None = None,
) -> CtVolume:
    """Decode, rescale and place every slice.

    Images whose pixels do not decode count as missing, and the rule for missing slices decides.

    Args:
        plan: from ``plan_slices``.
        notes: warnings that were known before.
        progress: called with (images done, images in all).

    Raises:
        NodulusError: too many images do not decode, doubled slices disagree, or the values are
            not Hounsfield units.
    """
    first = plan.slices[0]
    stack, broken, outside = _decode_stack(plan, progress)
    if broken:
        del stack
        return load_plan(_without(plan, broken), notes, progress)
    warnings = [
        *notes,
        *image_warnings(plan.slices),
        *plan.warnings,
        *_compare_rivals(plan, stack),
        *_odd_values(plan, outside),
    ]
    hu = _resample(stack, plan.source_of_output)
    check_hounsfield(hu, first.series_uid)
    return CtVolume(
        hu=hu,
        geometry=plan.geometry,
        series_uid=first.series_uid,
        study_uid=first.study_uid,
        source_format="dicom",
        source_images=tuple(header.source_image for header in plan.slices),
        is_source_grid=plan.is_source_grid,
        warnings=tuple(warnings),
        facts=first.facts,
    )


def _decode_stack(
    plan: SlicePlan, progress: Progress | None
) -> tuple[NDArray[Any], list[UnreadablePixelsError], int]:
    """The slices, what does not decode, and how many have values outside of BitsStored."""
    dtype = hounsfield_type(plan.slices)
    shape = (len(plan.slices), *plan.geometry.shape_irc[1:])
    stack: NDArray[Any] = np.empty(shape, dtype=dtype)
    broken: list[UnreadablePixelsError] = []
    outside = 0
    for done, (index, stored) in enumerate(decode(plan.slices), start=1):
        if isinstance(stored, UnreadablePixelsError):
            broken.append(stored)
        else:
            outside += is_outside_bits(stored, plan.slices[index])
            hu = apply_rescale(stored, plan.slices[index], dtype)
            if plan.shift is None:
                stack[index] = hu
            else:
                stack[index] = place_slice(hu, plan.shift.offset_rc[index], shape[1:])
        if progress is not None:
            progress(done, len(plan.slices))
    return stack, broken, outside


def _without(plan: SlicePlan, broken: list[UnreadablePixelsError]) -> SlicePlan:
    """Plan again, with the images that do not decode marked as damaged."""
    damage = {error.header.identity: error.why for error in broken}
    every = (*plan.slices, *(other for _, other in plan.rivals))
    marked = tuple(
        replace(header, damage=damage.get(header.identity, header.damage)) for header in every
    )
    names = abbreviated([f"{error.header.path.name}: {error.why}" for error in broken])
    try:
        again = plan_slices(marked)
    except NodulusError as error:
        raise NodulusError(
            ErrorCode.TRUNCATED_FILE,
            f"{count(len(broken), 'image')} of the series cannot be read ({names}); "
            f"without: {error.message}",
            remedy="Export or copy the series again from its source.",
            subject=plan.slices[0].series_uid,
        ) from error
    kept = tuple(
        note for note in plan.warnings if note.code not in {w.code for w in again.warnings}
    )
    return replace(again, warnings=(*kept, *again.warnings))


def _compare_rivals(plan: SlicePlan, stack: NDArray[Any]) -> list[VolumeWarning]:
    """Compare every second image at a position with the one that is kept."""
    if not plan.rivals:
        return []
    dtype = hounsfield_type(plan.slices)
    others = [other for _, other in plan.rivals]
    different: set[int] = set()
    for k, stored in decode(others):
        index = plan.rivals[k][0]
        if isinstance(stored, UnreadablePixelsError):
            continue
        hu: NDArray[Any] = apply_rescale(stored, others[k], dtype)
        if plan.shift is not None:
            hu = place_slice(hu, plan.shift.offset_rc[index], plan.geometry.shape_irc[1:])
        if not np.array_equal(hu, stack[index]):
            different.add(index)
    return _rival_warnings(plan, len(different))


def _rival_warnings(plan: SlicePlan, different: int) -> list[VolumeWarning]:
    positions = len({index for index, _ in plan.rivals})
    if different > limits.MAX_DUPLICATE_FRACTION * len(plan.slices):
        raise NodulusError(
            ErrorCode.DUPLICATE_SLICES,
            f"{different} of {len(plan.slices)} positions hold several images with different "
            "pixels.",
            remedy="Give a series with one image a position; several seem to be mixed here.",
            subject=plan.slices[0].series_uid,
        )
    warnings = []
    if positions > different:
        warnings.append(
            VolumeWarning(
                "doubled-slices-dropped",
                f"{count(positions - different, 'position')} held the same image twice; "
                "one was used.",
            )
        )
    if different:
        warnings.append(
            VolumeWarning(
                "doubled-slices-differ",
                f"{count(different, 'position')} held images with different pixels; "
                "the one with the lowest InstanceNumber was used.",
            )
        )
    return warnings


def _odd_values(plan: SlicePlan, outside: int) -> list[VolumeWarning]:
    warnings = []
    if outside:
        warnings.append(
            VolumeWarning(
                "values-outside-bits-stored",
                f"{count(outside, 'image')} hold values that BitsStored "
                f"({plan.slices[0].bits_stored}) has no room for; they were taken for padding.",
            )
        )
    if any(padding_is_tissue(header) for header in plan.slices):
        warnings.append(
            VolumeWarning(
                "padding-value-ignored",
                "PixelPaddingValue lies among the values of tissue and was not applied.",
            )
        )
    if any(header.photometric == "MONOCHROME1" for header in plan.slices):
        warnings.append(
            VolumeWarning(
                "monochrome1",
                "The images are MONOCHROME1 (to be shown inverted); that does not change their "
                "Hounsfield units.",
            )
        )
    return warnings


def _resample(stack: NDArray[Any], source_of_output: NDArray[np.float64]) -> NDArray[Any]:
    """Interpolate linearly between slices; the same array where there is nothing to do."""
    if np.array_equal(source_of_output, np.arange(len(stack))):
        return stack
    hu = np.empty((len(source_of_output), *stack.shape[1:]), dtype=stack.dtype)
    for k, source in enumerate(source_of_output.tolist()):
        low = min(int(source + 1e-9), len(stack) - 1)
        part = max(0.0, source - low)
        if part < 1e-6:
            hu[k] = stack[low]
        else:
            mixed = (1 - part) * stack[low].astype(np.float32) + part * stack[low + 1]
            hu[k] = np.rint(mixed) if stack.dtype == np.int16 else mixed
    return hu
