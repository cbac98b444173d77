"""What a file of marked points says, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.data.tables import Point


@dataclass(frozen=True)
class MarkedPoint:
    """One nodule.

    Args:
        center_lps_mm: its centre.
        diameter_mm: None where the file says none.
        name: as the file calls it.
    """

    center_lps_mm: Point
    diameter_mm: float | None
    name: str


@dataclass(frozen=True)
class MarkedPoints:
    """The nodules of one file.

    Args:
        path: the file.
        points: in its order.
        series_uids: the series that it is of, for markups the name of the file; empty where it
            does not say.
        study_uid: of these series; None where the format has none.
        frame_of_reference_uid: in which the points lie; None where it does not say.
        algorithm: what made them, where the file says so.
    """

    path: Path
    points: tuple[MarkedPoint, ...]
    series_uids: frozenset[str]
    study_uid: str | None = None
    frame_of_reference_uid: str | None = None
    algorithm: str | None = None


def joined(points: Iterable[MarkedPoint]) -> tuple[MarkedPoint, ...]:
    """Put marks of one nodule together: a point with the axes that were measured through it.

    Two marks are of one nodule where one's centre is nearer to the other's than half the larger
    diameter, LUNA16's rule of a hit. The first one's centre and name count, and the largest
    diameter.
    """
    kept: list[MarkedPoint] = []
    for point in points:
        at = next((n for n, other in enumerate(kept) if _is_same(point, other)), None)
        if at is None:
            kept.append(point)
            continue
        sizes = [p.diameter_mm for p in (kept[at], point) if p.diameter_mm is not None]
        kept[at] = replace(kept[at], diameter_mm=max(sizes, default=None))
    return tuple(kept)


def _is_same(one: MarkedPoint, other: MarkedPoint) -> bool:
    radius = max(one.diameter_mm or 0.0, other.diameter_mm or 0.0) / 2
    return float(np.linalg.norm(np.subtract(one.center_lps_mm, other.center_lps_mm))) < radius


def spread_mm(points_lps_mm: Sequence[Point]) -> float:
    """The largest distance between two of some points."""
    points = np.asarray(points_lps_mm, dtype=np.float64)
    return float(np.linalg.norm(points[:, np.newaxis] - points, axis=-1).max())


def refused(path: Path, message: str, remedy: str) -> NodulusError:
    """An error about a file of points: code ``input-not-readable``."""
    return NodulusError(ErrorCode.INPUT_NOT_READABLE, message, remedy=remedy, subject=path)
