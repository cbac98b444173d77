"""Tells acquisitions in one series apart by what their headers say, before any spacing is used.

Two passes over the same part of the body, a breath apart, must never be woven into one volume,
however well their slices fit between each other. What the standard has to tell them apart is
asked in the order of ``KEYS``. A difference alone is no reason to split: a scan that goes on with
another number where the last one ended is one scan, and scanners that step number every slice.
A split is made where images that differ lie over each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nodulus.app.reading import limits
from nodulus.app.reading.slice_header import SliceHeader

Key = Callable[[SliceHeader], Hashable]

_MIN_IMAGES = 3
"""Smaller parts are put together as what is left over."""
_MIN_RUN = 5
"""A pass that only an order tells has at least this many images."""
_MAX_PASSES = 40
"""More are no passes but an order that has nothing to do with the scan."""
_COMPLETE_GAP = 1.5
"""Between images less than this many usual distances apart there is no room for another."""


@dataclass(frozen=True)
class Difference:
    """One thing that tells acquisitions apart.

    Args:
        name: for people.
        key: of an image; None where its header does not say.
        is_order: whether the values come one after the other, such as times.
    """

    name: str
    key: Key
    is_order: bool = False


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


KEYS = (
    Difference("StackID or temporal position", lambda h: h.stack or None),
    Difference("AcquisitionNumber", lambda h: h.acquisition_number, is_order=True),
    Difference("KVP", lambda h: _rounded(h.kvp)),
    Difference("ConvolutionKernel", lambda h: h.kernel),
    Difference("SliceThickness", lambda h: _rounded(h.thickness_mm)),
    Difference("ImageType", lambda h: h.image_type or None),
    Difference("FrameOfReferenceUID", lambda h: h.frame_of_reference_uid),
    Difference("AcquisitionTime", lambda h: h.acquisition_time, is_order=True),
    Difference("IrradiationEventUID", lambda h: h.irradiation_event_uid),
    Difference("cardiac phase", lambda h: h.cardiac_phase),
    Difference("SeriesDescription or derivation", lambda h: h.descriptions or None),
)


@dataclass(eq=False)
class _Pass:
    """Images that lie beside each other, and their heights in order."""

    headers: list[SliceHeader] = field(default_factory=list)
    heights: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def add(self, headers: Sequence[SliceHeader], heights: NDArray[np.float64]) -> None:
        self.headers += headers
        self.heights = np.sort(np.concatenate([self.heights, heights]))

    def has_room_for(self, heights: NDArray[np.float64], *, is_known: bool = True) -> bool:
        """Whether other images lie beside these, or in gaps that they leave.

        Args:
            heights: of the others.
            is_known: whether their headers say what they are; if not, they are others only where
                they lie at one place with these.
        """
        own = self.heights
        if not len(own):
            return True
        steps = np.diff(own)
        steps = steps[steps > limits.SAME_POSITION_MM]
        usual = float(np.median(steps)) if steps.size else 0.0
        at = np.searchsorted(own, heights)
        below = own[np.maximum(at - 1, 0)]
        above = own[np.minimum(at, len(own) - 1)]
        near = np.minimum(np.abs(heights - below), np.abs(heights - above))
        same = max(limits.SAME_POSITION_MM, limits.SAME_POSITION_FRACTION * usual)
        within = (at > 0) & (at < len(own)) & (above - below <= _COMPLETE_GAP * usual) & is_known
        return not bool(np.any((near <= same) | within))

    def is_passed_by(self, height: float) -> bool:
        """Whether an image goes on where these came from or went to, or stands with them."""
        if len(self.heights) == 0:
            return True
        low, high = float(self.heights[0]), float(self.heights[-1])
        stands = len(self.heights) > 1 and high - low <= limits.SAME_POSITION_MM
        outside = not low - limits.SAME_POSITION_MM <= height <= high + limits.SAME_POSITION_MM
        return not outside if stands else outside


def split_acquisitions(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Split images of one plane into acquisitions; the first acquired comes first.

    Args:
        headers: images with one matrix, pixel spacing and orientation.
    """
    parts = [list(headers)]
    for difference in KEYS:
        parts = [piece for part in parts for piece in _split(part, difference)]
    return sorted(parts, key=_when)


def difference_between(one: Sequence[SliceHeader], other: Sequence[SliceHeader]) -> str | None:
    """The first of ``KEYS`` in which two parts of a series differ, None where they do not."""
    for difference in KEYS:
        if {difference.key(h) for h in one}.isdisjoint({difference.key(h) for h in other}):
            return difference.name
    return None


def _when(part: list[SliceHeader]) -> tuple[Any, ...]:
    numbers = [h.acquisition_number for h in part if h.acquisition_number is not None]
    times = [h.acquisition_time for h in part if h.acquisition_time is not None]
    first = [h.instance_number for h in part if h.instance_number is not None]
    return (
        min(h.stack for h in part),
        min(numbers, default=2**31),
        min(times, default="9"),
        min(first, default=2**31),
        min(h.sop_instance_uid for h in part),
    )


def _split(part: list[SliceHeader], difference: Difference) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = defaultdict(list)
    for header in part:
        groups[difference.key(header)].append(header)
    if len(groups) < 2 or any(header.position_lps_mm is None for header in part):
        return [part]
    numbers_images = len(groups) > len(part) / 2
    if numbers_images:
        # Each image has its own: an order at best.
        return _runs(part, difference.key) if difference.is_order else [part]
    ordered = sorted(
        groups.items(),
        key=(lambda item: (item[0] is None, item[0] if item[0] is not None else 0))
        if difference.is_order
        else (lambda item: (item[0] is None, -len(item[1]))),
    )
    passes: list[_Pass] = []
    for value, group in ordered:
        heights = heights_mm(group)
        known = value is not None
        own = next((p for p in reversed(passes) if p.has_room_for(heights, is_known=known)), None)
        if own is None:
            own = _Pass()
            passes.append(own)
        own.add(group, heights)
    return _accepted(part, passes)


def _runs(part: list[SliceHeader], key: Key) -> list[list[SliceHeader]]:
    """Passes over the body in the order of a key that every image has its own of."""
    keys = [key(header) for header in part]
    if any(value is None for value in keys):
        return [part]
    order = sorted(range(len(part)), key=lambda k: cast("float | str", keys[k]))
    heights = heights_mm(part)
    passes = [_Pass()]
    for header, height in ((part[k], float(heights[k])) for k in order):
        if not passes[-1].is_passed_by(height):
            passes.append(_Pass())
        passes[-1].add([header], np.array([height]))
    if any(len(one.headers) < _MIN_RUN for one in passes):
        return [part]
    return _accepted(part, passes)


def _accepted(part: list[SliceHeader], passes: list[_Pass]) -> list[list[SliceHeader]]:
    if not 1 < len(passes) <= _MAX_PASSES + len(part) // 10:
        return [part]
    whole = [one.headers for one in passes if len(one.headers) >= _MIN_IMAGES]
    rest = [header for one in passes if len(one.headers) < _MIN_IMAGES for header in one.headers]
    if not whole or len(rest) > len(part) / 2:
        return [part]
    return [*whole, rest] if rest else whole


def heights_mm(headers: Iterable[SliceHeader]) -> NDArray[np.float64]:
    """Heights along the first image's normal, mm."""
    items = list(headers)
    orientation = next((h.orientation for h in items if h.orientation is not None), None)
    if orientation is None:
        return np.zeros(len(items))
    axis = np.cross(orientation[:3], orientation[3:])
    nowhere = (np.nan,) * 3
    return np.array([float(np.dot(axis, h.position_lps_mm or nowhere)) for h in items])
