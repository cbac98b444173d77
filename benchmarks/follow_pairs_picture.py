"""The picture of follow_pairs.py's results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from follow_pairs_tables import Row, diameter_mm, log_error

from nodulus.app.followup.repeatability import Repeatability

_COLOURS = {"solid": "#3b78a8", "part-solid": "#b3702f", "ground-glass": "#4a9a5c"}


def draw(rows: Sequence[Row], limits: Repeatability, path: Path) -> None:
    """Draw measured beside true volumes, and the errors of their ratios beside the limits.

    Args:
        rows: of nodules.csv.
        limits: those that the program uses.
        path: a PNG file.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 4.2), layout="constrained")
    _volumes(left, rows)
    _ratios(right, [row for row in rows if row["outcome"] == "matched"], limits)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _volumes(axis: Any, rows: Sequence[Row]) -> None:
    ends = [math.inf, 0.0]
    for texture, colour in _COLOURS.items():
        seen = [
            (float(row[f"true_{scan}_mm3"]), float(row[f"{scan}_mm3"]))
            for row in rows
            for scan in ("prior", "current")
            if row["texture"] == texture and row[f"{scan}_mm3"] and row[f"true_{scan}_mm3"]
        ]
        if seen:
            axis.plot(*zip(*seen, strict=True), ".", color=colour, label=f"{texture}, {len(seen)}")
            ends = [min(ends[0], *map(min, seen)), max(ends[1], *map(max, seen))]
    axis.plot(ends, ends, color="#777777", lw=1)
    axis.plot(ends, [1.5 * end for end in ends], color="#777777", lw=1, ls="--", label="+50 %")
    axis.set(xscale="log", yscale="log", xlabel="true volume, mm³", ylabel="measured volume, mm³")
    axis.legend(fontsize=8)


def _ratios(axis: Any, matched: Sequence[Row], limits: Repeatability) -> None:
    for alike, marker, name in (("1", "o", "alike"), ("0", "x", "made differently")):
        part = [row for row in matched if str(row["alike"]) == alike]
        axis.plot(
            [diameter_mm(row) for row in part], [log_error(row) for row in part], marker,
            ms=4, mfc="none", color="#3b78a8", label=f"scans {name}, {len(part)}",
        )  # fmt: skip
    longest = max((diameter_mm(row) for row in matched), default=20.0)
    sizes = [2.0 + 0.1 * n for n in range(int(10 * longest))]
    for sign in (-1, 1):
        axis.plot(sizes, [sign * limits.limit(size) for size in sizes], color="#b3702f", lw=1)
    axis.set(xlabel="true diameter, mm", ylabel="ln(measured ratio / true ratio)")
    axis.set_title("Two scans; the line: limits of agreement in use", fontsize=9)
    axis.legend(fontsize=8)
