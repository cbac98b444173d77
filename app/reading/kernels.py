"""How sharp a reconstruction kernel is, by the names that makers give them."""

from __future__ import annotations

import re
from enum import IntEnum


class Sharpness(IntEnum):
    """Lower is preferred for finding and measuring nodules; docs/input.md says why."""

    MEDIUM = 0
    SOFT = 1
    UNKNOWN = 2
    SHARP = 3


_NAMES = {
    # GE
    "STANDARD": Sharpness.MEDIUM,
    "DETAIL": Sharpness.MEDIUM,
    "CHST": Sharpness.MEDIUM,
    "SOFT": Sharpness.SOFT,
    "LUNG": Sharpness.SHARP,
    "BONE": Sharpness.SHARP,
    "BONEPLUS": Sharpness.SHARP,
    "EDGE": Sharpness.SHARP,
    "ULTRA": Sharpness.SHARP,
    # Philips
    "A": Sharpness.SOFT,
    "B": Sharpness.MEDIUM,
    "C": Sharpness.MEDIUM,
    "D": Sharpness.SHARP,
    "E": Sharpness.SHARP,
    "L": Sharpness.SHARP,
    "YA": Sharpness.SHARP,
    "YB": Sharpness.SHARP,
    "YC": Sharpness.SHARP,
    "YD": Sharpness.SHARP,
}


def sharpness(kernel: str | None) -> Sharpness:
    """Sort a ConvolutionKernel into soft, medium and sharp.

    Siemens kernels carry their sharpness as a number (B30f, Br40d, I70f): up to 29 is soft, up to
    49 medium. Canon's carry a family number: FC01 to FC19 are for the body, from FC30 sharp.
    """
    name = (kernel or "").strip().upper()
    if name in _NAMES:
        return _NAMES[name]
    if canon := re.match(r"FC(\d\d)", name):
        return Sharpness.MEDIUM if int(canon[1]) < 30 else Sharpness.SHARP
    if siemens := re.match(r"[A-Z]{1,2}(\d\d)", name):
        number = int(siemens[1])
        if number < 30:
            return Sharpness.SOFT
        return Sharpness.MEDIUM if number < 50 else Sharpness.SHARP
    for part, value in (("LUNG", Sharpness.SHARP), ("BONE", Sharpness.SHARP),
                        ("SHARP", Sharpness.SHARP), ("STANDARD", Sharpness.MEDIUM),
                        ("BODY", Sharpness.MEDIUM), ("SOFT", Sharpness.SOFT)):  # fmt: skip
        if part in name:
            return value
    return Sharpness.UNKNOWN
