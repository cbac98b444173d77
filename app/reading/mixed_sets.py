"""Two sets of slices in one stack that no attribute tells apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.acquisitions import heights_mm
from nodulus.app.reading.message_words import millimetres
from nodulus.app.reading.slice_header import SliceHeader

_TOLERANCE = 0.05
_SHARE = 0.9


def check_not_mixed(
    heights: NDArray[np.float64], headers: Sequence[SliceHeader], series_uid: str
) -> None:
    """Refuse slices that lie between each other as those of two scans do.

    Slices that are missing leave a pattern of distances too (3, 6, 3, 6 mm), and slices that were
    reconstructed to overlap are nearer than they are thick. But the former are no thicker than the
    shorter distance, and the latter are numbered once from end to end.

    Args:
        heights: of slices in order, all different, mm.
        headers: of the same slices.
        series_uid: for the error.

    Raises:
        NodulusError: ``inconsistent-series``.
    """
    thickness = headers[0].thickness_mm
    if thickness is None or len(heights) < 2 * limits.MIN_SLICES:
        return
    longest = limits.UNSCANNED_RATIO * thickness
    reason = _by_turns(np.diff(heights), longest) or _numbered_twice(headers, longest)
    if reason is not None:
        raise NodulusError(
            ErrorCode.INCONSISTENT_SERIES,
            f"{reason}: two sets of slices seem to be mixed, and none of the attributes that tell "
            "acquisitions apart says which image belongs to which.",
            remedy="Give the images of one set alone, or export them as two series.",
            subject=series_uid,
        )


def _by_turns(steps: NDArray[np.float64], longest_mm: float) -> str | None:
    pairs = steps[:-1] + steps[1:]
    period = float(np.median(pairs))
    odd, even = float(np.median(steps[::2])), float(np.median(steps[1::2]))
    by_turns = np.mean(np.abs(pairs - period) <= _TOLERANCE * period) >= _SHARE
    differ = abs(odd - even) > max(2 * limits.JITTER_MM, _TOLERANCE * period)
    if not (by_turns and differ and period <= longest_mm):
        return None
    near, far = millimetres(min(odd, even)), millimetres(max(odd, even))
    return f"The slices lie {near} and {far} apart by turns"


def _numbered_twice(headers: Sequence[SliceHeader], longest_mm: float) -> str | None:
    """Every other slice is numbered one after the other, and so are those between."""
    numbers = [header.instance_number for header in headers if header.frame is None]
    if len(numbers) < len(headers) or None in numbers:
        return None
    steps = np.diff(heights_mm(headers))
    values = np.array(numbers, dtype=np.int64)
    one_after_the_other = all(
        np.mean(np.abs(np.diff(values[first::2])) == 1) >= _SHARE for first in (0, 1)
    )
    if not one_after_the_other or 2 * float(np.median(steps)) > longest_mm:
        return None
    return "InstanceNumber runs twice over the same part of the body"
