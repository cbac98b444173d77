"""Splits a series into stacks: images that lie on one grid and were made in one way.

A series should be one stack, but localizers, several reconstructions, several time points
and reformats do share a SeriesInstanceUID in the wild.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.reading import limits
from nodulus.app.reading.slice_header import SliceHeader

LOCALIZER_TYPES = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SCANOGRAM", "SURVIEW"})


@dataclass(frozen=True)
class Stack:
    """Images of one series that may form a volume.

    Args:
        headers: at least one image, in no order.
        part: 1-based number of this stack in its series.
        parts: how many stacks the series has.
    """

    headers: tuple[SliceHeader, ...]
    part: int = 1
    parts: int = 1

    @property
    def first(self) -> SliceHeader:
        """One image to read what all of them share; a whole one if there is any."""
        return next((header for header in self.headers if header.damage is None), self.headers[0])

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return self.first.series_uid


def is_localizer(header: SliceHeader) -> bool:
    """Whether ImageType calls the image a localizer."""
    return not LOCALIZER_TYPES.isdisjoint(header.image_type)


def split_series(headers: Iterable[SliceHeader]) -> list[Stack]:
    """Split the images of one series into stacks, the largest first."""
    by_grid = _group(headers, _grid_key)
    groups = [stack for group in by_grid for stack in _split_by_orientation(group)]
    groups = _join_damaged(groups)
    groups = [stack for group in groups for stack in _split_repeated(group)]
    groups.sort(key=len, reverse=True)
    return [Stack(tuple(group), part, len(groups)) for part, group in enumerate(groups, start=1)]


def _group(
    headers: Iterable[SliceHeader], key: Callable[[SliceHeader], Hashable]
) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = defaultdict(list)
    for header in headers:
        groups[key(header)].append(header)
    return list(groups.values())


def _grid_key(header: SliceHeader) -> Hashable:
    spacing = header.pixel_spacing_mm
    return (
        header.sop_class_uid,
        header.modality,
        is_localizer(header),
        header.rows,
        header.columns,
        header.samples_per_pixel,
        None if spacing is None else (round(spacing[0], 4), round(spacing[1], 4)),
        header.frame_of_reference_uid,
        header.kernel,
        header.position_lps_mm is None,
        header.slope is None or header.intercept is None,
    )


def _split_by_orientation(headers: list[SliceHeader]) -> list[list[SliceHeader]]:
    groups: list[tuple[tuple[float, ...] | None, list[SliceHeader]]] = []
    for header in headers:
        for orientation, group in groups:
            if _same_orientation(orientation, header.orientation):
                group.append(header)
                break
        else:
            groups.append((header.orientation, [header]))
    return [group for _, group in groups]


def _same_orientation(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(abs(x - y) <= limits.ORIENTATION_TOLERANCE for x, y in zip(a, b, strict=True))


def _join_damaged(groups: list[list[SliceHeader]]) -> list[list[SliceHeader]]:
    """A cut-off file may lack what its stack shares: it belongs to the largest one."""
    whole = [group for group in groups if any(header.damage is None for header in group)]
    if not whole:
        return groups
    largest = max(whole, key=len)
    for group in groups:
        if all(header.damage is not None for header in group):
            largest.extend(group)
    return whole


_ACQUISITION_KEYS: tuple[tuple[str, Callable[[SliceHeader], Hashable]], ...] = (
    ("stack", lambda header: header.stack),
    ("acquisition", lambda header: header.acquisition_number),
    ("image type", lambda header: header.image_type),
    ("thickness", lambda header: header.thickness_mm),
)


def _split_repeated(headers: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split several acquisitions, time points or image types that lie over each other."""
    before = _disorder(headers)
    if before == 0:
        return [headers]
    for _, key in _ACQUISITION_KEYS:
        groups = _group(headers, key)
        small = any(len(group) < 3 for group in groups)
        # Step-and-shoot scanners number every slice as an acquisition of its own.
        if len(groups) > 1 and not small and sum(map(_disorder, groups)) <= 0.1 * before:
            return groups
    return [headers]


def _disorder(headers: Sequence[SliceHeader]) -> int:
    """How many steps between neighbouring slices differ from the usual one."""
    places: dict[tuple[str, int | None], float] = {}
    for header in headers:
        if header.position_lps_mm is None or header.orientation is None:
            continue
        axis = np.cross(header.orientation[:3], header.orientation[3:])
        places[header.identity] = float(np.dot(axis, header.position_lps_mm))
    if len(places) < 3:
        return 0
    steps = np.round(np.diff(np.sort(np.array(list(places.values())))), 2)
    distinct = [step for step in steps.tolist() if step > limits.SAME_POSITION_MM]
    if not distinct:
        return len(steps)
    usual = Counter(distinct).most_common(1)[0][0]
    tolerance = max(0.02, limits.SAME_POSITION_FRACTION * usual)
    return int(np.sum(np.abs(steps - usual) > tolerance))
