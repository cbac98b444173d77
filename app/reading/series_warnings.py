"""What a reader of the result must know about a series that fits, but not well."""

from __future__ import annotations

from nodulus.app.reading import limits
from nodulus.app.reading.kernels import Sharpness
from nodulus.app.reading.message_words import count, millimetres
from nodulus.app.reading.series_rules import SeriesCandidate, is_known_unit
from nodulus.app.volume import VolumeWarning

Found = list[tuple[str, str]]


def series_warnings(candidate: SeriesCandidate, images_in_series: int) -> tuple[VolumeWarning, ...]:
    """Warnings about a series, none of which changes its volume.

    Args:
        candidate: the one that was chosen.
        images_in_series: how many images of its series there are, those left out among them.
    """
    found = [
        *_about_slices(candidate),
        *_about_values(candidate),
        *_about_unity(candidate),
        *_about_number(candidate, images_in_series),
    ]
    return tuple(VolumeWarning(code, message) for code, message in found)


def _about_slices(candidate: SeriesCandidate) -> Found:
    """Orientation, body part, and slices that are thick or far apart."""
    header = candidate.plan.slices[0]
    found: Found = []
    if not candidate.is_axial:
        found.append(("not-axial", "The study has no axial series; this one is not axial."))
    if candidate.is_other_part:
        found.append(("other-body-part", f"BodyPartExamined is {header.body_part}, not the chest."))
    if candidate.detail_mm > limits.THICK_SLICES_MM:
        found.append(
            (
                "thick-slices",
                f"Slices of {millimetres(candidate.detail_mm)} hide or blur small nodules.",
            )
        )
    thickness = header.thickness_mm or 0.0
    is_thick = thickness > max(limits.THICK_SLICES_MM, limits.SLAB_RATIO * candidate.spacing_mm)
    if is_thick and not candidate.is_original:
        message = (
            f"Derived slices of {millimetres(thickness)} lie {millimetres(candidate.spacing_mm)} "
            "apart: they may be slabs (a MIP or a thick reformat), in which nodules are hidden or "
            "look larger. Give the series that they were made from if there is one."
        )
        found.append(("overlapping-slabs", message))
    if 0 < thickness * limits.UNSCANNED_RATIO < candidate.spacing_mm:
        message = (
            f"Slices of {millimetres(thickness)} lie {millimetres(candidate.spacing_mm)} apart: "
            "what is between them was not imaged."
        )
        found.append(("unscanned-gaps", message))
    return found


def _about_values(candidate: SeriesCandidate) -> Found:
    """The kernel, and values whose unit is not known for sure."""
    header = candidate.plan.slices[0]
    found: Found = []
    if candidate.sharpness is Sharpness.SHARP:
        found.append(
            (
                "sharp-kernel",
                (
                    f"Kernel {header.kernel} is sharp: it overshoots at edges and multiplies "
                    "noise, so that density and volume are off and small vessels look like "
                    "nodules."
                ),
            )
        )
    if not is_known_unit(header.rescale_type):
        found.append(
            (
                "rescale-type-unknown",
                "RescaleType names no unit; the values were taken for Hounsfield units.",
            )
        )
    assumed = sorted({text for slice_ in candidate.plan.slices for text in slice_.assumed})
    if header.modality != "CT":
        assumed.append("Modality is missing or no known one; SOPClassUID is that of CT")
    if assumed:
        found.append(("header-mended", f"{'; '.join(assumed)}: the images were taken for CT."))
    return found


def _about_unity(candidate: SeriesCandidate) -> Found:
    """Parts of one scan that call themselves different."""
    slices = candidate.plan.slices
    found: Found = []
    frames = {header.frame_of_reference_uid for header in slices}
    named = len(frames - {None})
    if len(frames) > 1:
        some = (
            f"The images name {named} frames of reference"
            if named > 1
            else "Some images name no frame of reference"
        )
        found.append(
            (
                "frame-of-reference-varies",
                f"{some}; by their places they are one stack, and were taken for one.",
            )
        )
    numbers = {header.acquisition_number for header in slices} - {None}
    if 1 < len(numbers) <= len(slices) / limits.MIN_SLICES:
        found.append(
            (
                "several-acquisitions",
                (
                    f"The volume is made of {len(numbers)} acquisitions that lie end to end: where "
                    "they meet the patient may have moved."
                ),
            )
        )
    return found


def _about_number(candidate: SeriesCandidate, images_in_series: int) -> Found:
    """Images that the header counts and that are not there."""
    stated = max((header.images_stated or 0 for header in candidate.plan.slices), default=0)
    if stated <= images_in_series:
        return []
    return [
        (
            "fewer-images-than-stated",
            (
                f"The header says that there are {count(stated, 'image')}; the series has "
                f"{images_in_series:,} here: slices may be missing at an end."
            ),
        )
    ]
