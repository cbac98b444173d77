"""Reads the markups of 3D Slicer (``.mrk.json``).

Format: Slicer's markups schema 1.0.3. A point of a point list is a nodule without a size. A line is
one through its middle, as long as its diameter; a ROI is one that fills it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.app.data.marked_points.marked_points import (
    MarkedPoint,
    MarkedPoints,
    joined,
    refused,
    spread_mm,
)
from nodulus.bundles.common.data.tables import Point
from nodulus.transforms.geometry import ras_to_lps

MARKUPS_SUFFIX = ".mrk.json"
_UNITS = ("mm", ["mm", "mm", "mm"])
_REMEDY = "Save points, lines or ROIs from 3D Slicer's module Markups, in millimetres."


def read_markups(path: Path) -> MarkedPoints:
    """Read the points, lines and ROIs of a file; other kinds of markups are passed over.

    Args:
        path: named like the scan: ``NAME.mrk.json``.

    Raises:
        NodulusError: ``input-not-readable``: it is no such file, or has none of these.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        marks = [mark for markup in content["markups"] for mark in _marks(markup)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else f"{error}"
        raise refused(path, f"It cannot be read as markups: {why}.", _REMEDY) from error
    if not marks:
        raise refused(path, "It holds no point, line or ROI that is placed.", _REMEDY)
    name = path.name[: -len(MARKUPS_SUFFIX)]
    return MarkedPoints(path, joined(marks), frozenset({name}))


def _marks(markup: dict[str, Any]) -> Iterator[MarkedPoint]:
    kind, name = str(markup["type"]), str(markup.get("name", ""))
    if kind not in {"Fiducial", "Line", "ROI"}:
        return
    if markup.get("coordinateUnits", "mm") not in _UNITS:
        raise ValueError(f"its coordinates are in {markup['coordinateUnits']}, not mm")
    system = str(markup["coordinateSystem"])
    placed = [p for p in markup["controlPoints"] if p.get("positionStatus", "defined") == "defined"]
    points = [_lps(point["position"], system) for point in placed]
    if kind == "Fiducial":
        for point, position in zip(placed, points, strict=True):
            yield MarkedPoint(position, None, str(point.get("label") or name))
    elif kind == "Line" and len(points) == 2:
        yield MarkedPoint(_middle(points), spread_mm(points), name)
    elif kind == "ROI" and "center" in markup:
        size = max(float(edge) for edge in markup["size"])
        yield MarkedPoint(_lps(markup["center"], system), size, name)


def _lps(position: Any, system: str) -> Point:
    if system not in {"LPS", "RAS"}:
        raise ValueError(f"its coordinate system is {system}, not LPS or RAS")
    values = np.asarray(position, dtype=np.float64)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise ValueError(f"a position is no three numbers: {position}")
    x, y, z = (float(v) for v in (ras_to_lps(values) if system == "RAS" else values))
    return x, y, z


def _middle(points: list[Point]) -> Point:
    x, y, z = (float(v) for v in np.mean(points, axis=0))
    return x, y, z
