"""Splits a series into stacks: images that lie on one grid and were made in one way.

A series should be one stack, but localizers, several reconstructions, several time points
and reformats do share a SeriesInstanceUID in the wild. What images are comes first, then the
plane that they lie in, then the acquisition that they belong to; docs/input.md has the steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from nodulus.app.reading import limits
from nodulus.app.reading.acquisitions import split_acquisitions
from nodulus.app.reading.image_plane import angle_degrees
from nodulus.app.reading.slice_header import SliceHeader


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


def split_series(headers: Iterable[SliceHeader]) -> list[Stack]:
    """Split the images of one series into stacks, the largest first, then the first acquired."""
    by_grid = _group(headers, _grid_key)
    groups = [stack for group in by_grid for stack in _split_by_orientation(group)]
    groups = _join_damaged(groups)
    groups = [stack for group in groups for stack in split_acquisitions(group)]
    groups.sort(key=len, reverse=True)
    return [Stack(tuple(group), part, len(groups)) for part, group in enumerate(groups, start=1)]


def grid_difference(one: Stack, other: Stack) -> str | None:
    """In which attribute of the plane two stacks differ, None where they share it."""
    a, b = one.first, other.first
    if (a.rows, a.columns) != (b.rows, b.columns):
        return "matrix"
    if _spacing_key(a) != _spacing_key(b):
        return "PixelSpacing"
    if (a.position_lps_mm is None) != (b.position_lps_mm is None):
        return None  # the error of the part says it
    if angle_degrees(a.orientation, b.orientation) > limits.MAX_WOBBLE_DEGREES:
        return "ImageOrientationPatient"
    return None


def _group(
    headers: Iterable[SliceHeader], key: Callable[[SliceHeader], Hashable]
) -> list[list[SliceHeader]]:
    groups: dict[Hashable, list[SliceHeader]] = defaultdict(list)
    for header in headers:
        groups[key(header)].append(header)
    return list(groups.values())


def _spacing_key(header: SliceHeader) -> Hashable:
    spacing = header.pixel_spacing_mm
    return None if spacing is None else (round(spacing[0], 4), round(spacing[1], 4))


def _grid_key(header: SliceHeader) -> Hashable:
    kind = header.kind
    return (
        header.sop_class_uid,
        header.modality,
        None if kind is None else kind[0],
        header.rows,
        header.columns,
        header.samples_per_pixel,
        _spacing_key(header),
        header.position_lps_mm is None,
        header.slope is None or header.intercept is None,
    )


def _split_by_orientation(headers: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Images whose directions differ by less than some wobble; the first of a group is its own."""
    groups: list[tuple[tuple[float, ...] | None, list[SliceHeader]]] = []
    for header in headers:
        for orientation, group in groups:
            if angle_degrees(orientation, header.orientation) <= limits.MAX_WOBBLE_DEGREES:
                group.append(header)
                break
        else:
            groups.append((header.orientation, [header]))
    return [group for _, group in groups]


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
