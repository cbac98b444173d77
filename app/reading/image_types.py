"""What an image is by its ImageType, in the words of the standard and of makers.

The standard gives two terms for the third value of a CT image, AXIAL (any cross-section) and
LOCALIZER (PS3.3 C.8.2.1.1.1), and more for enhanced images (C.8.15.2.1.1, C.8.16.1). Makers put
words of their own into later values, alone or beside a name of their software, as in
``CT_SOM5 MIP``; docs/input.md has the table with its sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum


class ImageKind(Enum):
    """What images are that are not slices in Hounsfield units; the value is for people."""

    LOCALIZER = "a localizer (scout view)"
    MONITORING = "a monitoring image (bolus tracking), not a scan"
    PICTURE = "a screen save, protocol or report"
    PROJECTION = "a projection or rendering, not slices of Hounsfield units"
    SLAB = "a reformatted slab, thicker than the slices that it was made from"
    MAP = "a material map or a blend of energies, not Hounsfield units"


WORDS: dict[ImageKind, frozenset[str]] = {
    ImageKind.LOCALIZER: frozenset(
        {"LOCALIZER", "SCOUT", "TOPOGRAM", "TOP", "SCANOGRAM", "SCANOSCOPE", "SURVIEW", "PILOT"}
    ),
    ImageKind.MONITORING: frozenset(
        {"MON", "MONITORING", "PREMONITORING", "BOLUS", "TRACKER", "SURESTART", "SMARTPREP"}
    ),
    ImageKind.PICTURE: frozenset(
        {"SCREEN SAVE", "SCREENSAVE", "DOSE_INFO", "DOSE REPORT", "DOSE_REPORT", "PROT",
         "PROTOCOL", "REPORT", "SCREENSHOT"}
    ),
    ImageKind.PROJECTION: frozenset(
        {"MIP", "MINIP", "MNIP", "MINMIP", "MAXIP", "MAX_IP", "MIN_IP", "RAYSUM", "RAY_SUM", "VRT",
         "VOLREN", "VOLUME_RENDERING", "SSD", "PROJECTION IMAGE", "PROJECTION", "THICKMIP",
         "THINMIP"}
    ),
    ImageKind.MAP: frozenset(
        {"IODINE", "IODINE_MAP", "Z_EFF", "ZEFF", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "RHO",
         "PERFUSION", "PBV", "LPBV", "DEOC", "URIC", "CALCIUM", "MATERIAL", "CBF", "CBV", "MTT",
         "TTP", "TMAX", "FRACTIONAL_MAP", "SUBTRACTION", "STD_DEVIATION"}
    ),
}  # fmt: skip
"""Words that stand as a value, or as one word in it (values are split at anything but A-Z, 0-9)."""

_DESCRIBED = frozenset(
    {"MIP", "MIPS", "MINIP", "MNIP", "MINMIP", "MAXIP", "MAX_IP", "MIN_IP", "RAYSUM", "RAY_SUM",
     "VRT", "VOLREN", "VOLUME_RENDER", "SURFACE_RENDER", "THICKMIP", "THINMIP"}
)  # fmt: skip
"""Words that mean a projection in a description too, which may be about anything."""

_SLAB_WORDS = frozenset({"THICK", "SLAB"})
_ORDER = (
    ImageKind.LOCALIZER,
    ImageKind.MONITORING,
    ImageKind.PICTURE,
    ImageKind.PROJECTION,
    ImageKind.MAP,
)


def image_kind(
    image_type: Iterable[str], descriptions: Iterable[str] = ()
) -> tuple[ImageKind, str] | None:
    """What an image is that is no slice in Hounsfield units, and the value that says so.

    A reformat keeps LOCALIZER or AXIAL of what it was made from as its third value, so that
    MIP or MPR in a later value says more than LOCALIZER in that one.

    Args:
        image_type: the values of ImageType, in upper case.
        descriptions: how an image was derived and what its series is called, in upper case; asked
            about derived images only, where ImageType has no word for what they are.

    Returns:
        None for slices: original ones, thin reformats, averages, monoenergetic images.
    """
    values = tuple(image_type)
    found: dict[ImageKind, str] = {}
    for value in values:
        words = _words(value)
        if value == "DOSE":
            found.setdefault(ImageKind.PICTURE, value)
        if "MPR" in words and words & _SLAB_WORDS:
            found.setdefault(ImageKind.SLAB, value)
        for kind in _ORDER:
            if words & WORDS[kind]:
                found.setdefault(kind, value)
    is_reformat = any("MPR" in _words(value) for value in values)
    if is_reformat and found.get(ImageKind.LOCALIZER) == "LOCALIZER":
        del found[ImageKind.LOCALIZER]
    for kind in (*_ORDER, ImageKind.SLAB):
        if kind in found:
            return kind, found[kind]
    return _described(descriptions) if "DERIVED" in values else None


def _described(descriptions: Iterable[str]) -> tuple[ImageKind, str] | None:
    """What descriptions say; only the word is given, for they may hold anything."""
    for text in descriptions:
        words = _words(text)
        for word in sorted(words & _DESCRIBED):
            return ImageKind.PROJECTION, f"DERIVED, described as {word},"
        if ("MPR" in words and words & _SLAB_WORDS) or words >= _SLAB_WORDS:
            return ImageKind.SLAB, "DERIVED, described as a thick slab,"
    return None


def _words(value: str) -> set[str]:
    """A value, and the words in it: as it stands, split at blanks, and split at underscores.

    Each also without a number at its end, as in ``MIP10``.
    """
    joined = re.sub(r"\b(MAX|MIN) IP\b", r"\1_IP", value)
    parts = [part for part in re.split(r"[^A-Z0-9_]+", joined) if part]
    words = {value, *parts, *(word for part in parts for word in part.split("_") if word)}
    return words | {re.sub(r"(?<=[A-Z]{3})\d+$", "", word) for word in words}
