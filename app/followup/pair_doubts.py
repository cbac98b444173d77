"""What speaks against comparing the volumes of two scans."""

from __future__ import annotations

from nodulus.app.followup.repeatability import Repeatability
from nodulus.app.result import ResultWarning
from nodulus.app.volume import CtVolume


def overlap_warning(lung_dice: float, least: float) -> tuple[ResultWarning, ...]:
    """Warn of a poor registration.

    Args:
        lung_dice: overlap of the lungs once registered.
        least: below it there is a warning.
    """
    if lung_dice >= least:
        return ()
    return (
        ResultWarning(
            code="poorly-registered",
            message=f"The lungs of the two scans overlap by {lung_dice:.2f} only:"
            " check every match by eye.",
        ),
    )


def measurement_doubts(
    prior: CtVolume, current: CtVolume, repeatability: Repeatability, alike_spacing_mm: float
) -> tuple[ResultWarning, ...]:
    """Say why limits of agreement do not hold for two scans; empty where they do.

    Args:
        prior: the earlier scan.
        current: the later one.
        repeatability: the limits, and up to which slices they hold.
        alike_spacing_mm: slice distances that differ by more are other acquisitions.
    """
    return (
        *_thickness_doubt(prior, current, repeatability),
        *_acquisition_doubt(prior, current, alike_spacing_mm),
    )


def _thickness_doubt(
    prior: CtVolume, current: CtVolume, repeatability: Repeatability
) -> tuple[ResultWarning, ...]:
    thickest = max(scan.geometry.spacing_irc_mm[0] for scan in (prior, current))
    if thickest <= repeatability.thickest_slices_mm:
        return ()
    return (
        ResultWarning(
            code="thick-slices",
            message=f"Slices of {thickest:g} mm are too thick for volumes alone (limit"
            f" {repeatability.thickest_slices_mm:g} mm): {_both_needed(repeatability)}.",
        ),
    )


def _both_needed(repeatability: Repeatability) -> str:
    return (
        "a change counts only where the mean diameter has changed by"
        f" {repeatability.diameter_change_mm:g} mm and the volume by"
        f" {repeatability.volume_change_share:.0%}, both the same way"
    )


def _acquisition_doubt(
    one: CtVolume, two: CtVolume, alike_spacing_mm: float
) -> tuple[ResultWarning, ...]:
    """Limits of agreement hold for scans that were made alike."""
    spacing = one.geometry.spacing_irc_mm[0], two.geometry.spacing_irc_mm[0]
    kernels = one.facts.convolution_kernel, two.facts.convolution_kernel
    different = []
    if abs(spacing[0] - spacing[1]) > alike_spacing_mm:
        different.append(f"slices of {spacing[0]:g} and {spacing[1]:g} mm")
    if kernels[0] != kernels[1]:
        different.append(f"kernels {kernels[0] or 'unknown'} and {kernels[1] or 'unknown'}")
    if not different:
        return ()
    return (
        ResultWarning(
            code="acquisitions-differ",
            message=f"The scans were made differently ({'; '.join(different)}): volumes may differ"
            " by more than the limits of agreement without growth, and a change counts only where"
            " mean diameter and volume agree.",
        ),
    )


def without_doubling_time(
    days: float | None, doubts: tuple[ResultWarning, ...]
) -> tuple[ResultWarning, ...]:
    """Say why no doubling time can be given; empty where one can.

    Args:
        days: between the scans; None where they are not known.
        doubts: from `measurement_doubts`.
    """
    reasons = []
    if days is None:
        reasons.append("the days between are unknown")
    elif days == 0:
        reasons.append("both scans are of one day")
    if doubts:
        reasons.append("the limits of agreement do not hold for these scans")
    return tuple(
        ResultWarning(code="no-doubling-time", message=f"No doubling times: {reason}.")
        for reason in reasons
    )
