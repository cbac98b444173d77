"""What a reader of the result must know about a series that fits, but not well."""

from __future__ import annotations

from nodulus.app.reading import limits
from nodulus.app.reading.message_words import millimetres
from nodulus.app.reading.series_rules import Candidate
from nodulus.app.volume import VolumeWarning


def doubts(candidate: Candidate) -> tuple[VolumeWarning, ...]:
    """Warnings about orientation, body part and slices that are thick or far apart."""
    header = candidate.plan.slices[0]
    found: list[tuple[str, str]] = []
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
    if 0 < thickness * limits.UNSCANNED_RATIO < candidate.spacing_mm:
        message = (
            f"Slices of {millimetres(thickness)} lie {millimetres(candidate.spacing_mm)} apart: "
            "what is between them was not imaged."
        )
        found.append(("unscanned-gaps", message))
    return tuple(VolumeWarning(code, message) for code, message in found)
