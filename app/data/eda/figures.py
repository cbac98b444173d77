"""The report's plots, as SVG without scripts or fonts from elsewhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from nodulus.app.data.eda.split_balance import SplitBalance
from nodulus.app.data.eda.survey import NoduleRow, Survey
from nodulus.app.data.eda.suspicions import LUNGS_HU, NODULE_HU, TISSUE_HU
from nodulus.app.data.eda.tallies import MALIGNANCY_CLASSES, SIZE_CLASSES, malignancy_class
from nodulus.bundles.common.stratification import SIZE_EDGES_MM

INK, SOFT, LINE, FILL = "#16202a", "#56636f", "#d9dfe4", "#3d7ea6"
MALIGNANCY_COLORS = dict(
    zip(MALIGNANCY_CLASSES, ("#4f9d8f", "#b8b29a", "#d0693a", "#8a949c"), strict=True)
)
SIDE_COLORS = ("#3d7ea6", "#e0a03c", "#8a6fb0", "#b9c2ca")
MEASURED_MM = (2.0, 60.0)
"""The range of the diameter axes, where the data do not go beyond."""

_STYLE: Any = {
    "axes.edgecolor": "#9aa7b2",
    "axes.labelcolor": SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "nodulus",
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True)
class Plot:
    """A plot as the page takes it.

    Args:
        uri: of the SVG.
        alt: what it shows, in words.
        caption: a line below it.
    """

    uri: str
    alt: str
    caption: str = ""


def draw_plots(survey: Survey) -> dict[str, Plot]:
    """Draw every plot that there is data for, by name."""
    with mpl.rc_context(_STYLE):
        plots = {"classes": _classes(survey), "split": _split(survey.split)}
        if survey.nodules:
            plots["sizes"] = _sizes(survey.nodules)
            plots["malignancy"] = _malignancy(survey.nodules)
            plots["per_scan"] = _per_scan(survey)
        if survey.projections is not None:
            plots["positions"] = _positions(survey)
        if any(row.spacing_mm for row in survey.scans):
            plots["spacing"] = _spacing(survey)
        if any(row.hu for row in survey.scans):
            plots["hu"] = _hu(survey)
    return plots


def _plot(figure: Figure, alt: str, caption: str = "") -> Plot:
    stream = io.BytesIO()
    # without a date the same data give the same bytes
    figure.savefig(stream, format="svg", metadata={"Date": None})
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return Plot(f"data:image/svg+xml;base64,{text}", alt, caption)


def _one(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _diameter_axis(axes: Axes, diameters: Sequence[float]) -> None:
    low, high = min(MEASURED_MM[0], *diameters), max(MEASURED_MM[1], *diameters)
    axes.set_xscale("log")
    axes.set_xlim(max(low, 0.5), high)
    axes.set_xticks([3, 6, 8, 15, 30, 60])
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.set_xlabel("diameter, mm")
    for edge in SIZE_EDGES_MM:
        axes.axvline(edge, color=LINE, linewidth=0.8, zorder=0)


def _sizes(nodules: Sequence[NoduleRow]) -> Plot:
    figure, axes = _one(5.4, 3.1)
    diameters = [max(n.diameter_mm, 0.5) for n in nodules]
    edges = np.geomspace(min(MEASURED_MM[0], *diameters), max(MEASURED_MM[1], *diameters), 29)
    groups = {
        name: [
            d
            for n, d in zip(nodules, diameters, strict=True)
            if malignancy_class(n.malignancy) == name
        ]
        for name in MALIGNANCY_CLASSES
    }
    groups = {name: group for name, group in groups.items() if group}
    axes.hist(
        list(groups.values()),
        bins=list(edges),
        stacked=True,
        color=[MALIGNANCY_COLORS[name] for name in groups],
        label=list(groups),
        rwidth=0.92,
    )
    _diameter_axis(axes, diameters)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("nodules")
    axes.legend(loc="upper right", fontsize=8)
    return _plot(figure, "Histogram of the nodules' diameters, by malignancy.")


def _malignancy(nodules: Sequence[NoduleRow]) -> Plot:
    figure, axes = _one(5.4, 3.1)
    rated = [(max(n.diameter_mm, 0.5), n.malignancy) for n in nodules if n.malignancy is not None]
    rng = np.random.default_rng(0)
    for diameter, rating in rated:
        axes.plot(
            diameter,
            rating + rng.uniform(-0.12, 0.12),
            "o",
            color=MALIGNANCY_COLORS[malignancy_class(rating)],
            markersize=4 if len(rated) < 400 else 2.5,
            alpha=0.75,
            markeredgewidth=0,
        )
    for rating in sorted({rating for _, rating in rated}):
        of_rating = [d for d, r in rated if r == rating]
        if len(of_rating) > 4:
            axes.plot([np.median(of_rating)] * 2, [rating - 0.2, rating + 0.2], color=INK)
    _diameter_axis(axes, [n.diameter_mm for n in nodules])
    axes.set_ylim(0.7, 5.3)
    axes.set_yticks([1, 2, 3, 4, 5])
    axes.set_ylabel("readers' median rating")
    return _plot(
        figure,
        "The readers' malignancy rating of each nodule against its diameter.",
        "Bars: the median diameter of a rating, where it has five nodules or more.",
    )


def _per_scan(survey: Survey) -> Plot:
    figure, axes = _one(5.4, 1.9)
    counts = [row.nodules for row in survey.scans]
    axes.bar(*np.unique(counts, return_counts=True), color=FILL, width=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("nodules in a scan")
    axes.set_ylabel("scans")
    return _plot(figure, "How many scans have how many nodules.")


def _positions(survey: Survey) -> Plot:
    figure = Figure(figsize=(10.4, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    shade = LinearSegmentedColormap.from_list("lungs", ["#ffffff", "#bcd3e2"])
    assert survey.projections is not None
    views = (
        ("From the front", (0, 2), "patient's right", "left", "feet to head"),
        ("From the feet", (0, 1), "patient's right", "left", "back to front"),
        ("From the left", (1, 2), "front", "back", "feet to head"),
    )
    area = {name: 7 + 9 * n for n, name in enumerate(SIZE_CLASSES)}
    placed = [(n, n.position) for n in survey.nodules if n.position is not None]
    for panel, shape, (title, (across, up), first, last, upwards) in zip(
        panels, survey.projections, views, strict=True
    ):
        down = up == 1  # front to back runs downwards, as in an axial slice
        box = (0.0, 1.0, 0.0, 1.0)
        panel.imshow(
            shape, cmap=shade, vmin=0, vmax=shape.max(), extent=box, interpolation="bicubic"
        )
        for name in reversed(MALIGNANCY_CLASSES):
            here = [(n, p) for n, p in placed if malignancy_class(n.malignancy) == name]
            if here:
                panel.scatter(
                    [p[across] for _, p in here],
                    [1 - p[up] if down else p[up] for _, p in here],
                    s=[area[_size(n)] for n, _ in here],
                    color=MALIGNANCY_COLORS[name],
                    edgecolors="#ffffff",
                    linewidths=0.4,
                    alpha=0.9,
                    label=name,
                )
        panel.set_xlim(-0.06, 1.06)
        panel.set_ylim(-0.06, 1.06)
        panel.set_aspect(0.85)
        panel.set_title(title)
        panel.set_xticks([0, 1], [first, last])
        panel.set_yticks([])
        panel.set_ylabel(upwards)
    figure.legend(*_legend(panels[0]), loc="outside upper right", ncols=4, fontsize=8)
    return _plot(
        figure,
        "Positions of the nodules in the lungs' box, seen from three sides.",
        "Each scan's lungs are stretched to one box; the shade is how much lung lies there, "
        "the size of a dot the nodule's size class.",
    )


def _legend(axes: Axes) -> tuple[list[Any], list[str]]:
    """Its handles and names, in the order of the malignancy classes."""
    handles, names = axes.get_legend_handles_labels()
    return handles[::-1], names[::-1]


def _size(nodule: NoduleRow) -> str:
    return SIZE_CLASSES[int(np.digitize(nodule.diameter_mm, SIZE_EDGES_MM))]


def _spacing(survey: Survey) -> Plot:
    kernels = list(survey.facts.get("kernel", {}).items())[:12]
    figure = Figure(figsize=(10.4, 3.1 if kernels else 3.0), layout="constrained")
    axes, bars = figure.subplots(1, 2)
    known = [row.spacing_mm for row in survey.scans if row.spacing_mm is not None]
    slices, pixels = (np.asarray(values) for values in zip(*known, strict=True))
    axes.scatter(slices, pixels, s=18, color=FILL, alpha=0.6, linewidths=0)
    axes.set_xlim(0, max(3.2, slices.max() * 1.08))
    axes.set_ylim(min(0.45, pixels.min() * 0.95), max(1.0, pixels.max() * 1.05))
    axes.set_xlabel("slice spacing, mm")
    axes.set_ylabel("pixel spacing, mm")
    axes.set_title("Spacing")
    if kernels:
        names, counts = zip(*reversed(kernels), strict=True)
        bars.barh(names, counts, color=FILL)
        bars.xaxis.set_major_locator(MaxNLocator(integer=True))
        bars.set_xlabel("scans")
        bars.set_title("Reconstruction kernel")
    else:
        bars.axis("off")
        bars.text(0.5, 0.5, "No kernel is known", ha="center", color=SOFT)
    return _plot(figure, "Slice and pixel spacing of each scan, and the kernels.")


def _hu(survey: Survey) -> Plot:
    figure = Figure(figsize=(10.4, 3.1), layout="constrained")
    axes, cores = figure.subplots(1, 2)
    levels = [
        (row.hu.lungs_median, row.hu.tissue_median)
        for row in survey.scans
        if row.hu and row.hu.lungs_median is not None and row.hu.tissue_median is not None
    ]
    if levels:
        axes.scatter(*zip(*levels, strict=True), s=18, color=FILL, alpha=0.6, linewidths=0)
    limits = [(low, high) for low, high in (LUNGS_HU, TISSUE_HU)]
    axes.add_patch(
        Rectangle(
            (limits[0][0], limits[1][0]),
            limits[0][1] - limits[0][0],
            limits[1][1] - limits[1][0],
            fill=False,
            edgecolor=LINE,
            linestyle="--",
        )
    )
    axes.autoscale_view()
    axes.set_xlabel("median of the lungs, HU")
    axes.set_ylabel("median of soft tissue, HU")
    axes.set_title("Scans (dashed: what is plausible)")
    values = [row.core_hu for row in survey.nodules if row.core_hu is not None]
    if values:
        cores.hist(np.clip(values, NODULE_HU[0] - 70, 600), bins=32, color=FILL, rwidth=0.92)
    cores.yaxis.set_major_locator(MaxNLocator(integer=True))
    cores.set_xlabel("mean of the nodule's middle, HU (600 and more in the last bar)")
    cores.set_ylabel("nodules")
    cores.set_title("Nodules")
    return _plot(figure, "Hounsfield units of scans and of nodules.")


def _classes(survey: Survey) -> Plot:
    figure = Figure(figsize=(10.4, 2.5), layout="constrained")
    axes = figure.subplots()
    counts, volumes = survey.counts, survey.volumes
    lungs_left = max(volumes.lungs - volumes.nodules - volumes.ignored, 0.0)
    ratings = {m: sum(row[m] for row in survey.sizes.values()) for m in MALIGNANCY_CLASSES}
    rows: list[tuple[str, Mapping[str, float]]] = [
        ("Lung volume, ml", {"nodule": volumes.nodules, "ignored": volumes.ignored,
                             "other lung": lungs_left}),
        ("Candidates of the list", dict(zip(("nodule", "other"), counts.candidates, strict=True))),
        ("Candidates of the\nsegmentation",
         dict(zip(("nodule", "other"), counts.segmentation_candidates, strict=True))),
        ("Malignancy", {m: ratings[m] for m in MALIGNANCY_CLASSES}),
    ]  # fmt: skip
    colors = {"nodule": "#d0693a", "ignored": "#b8b29a", "other lung": "#bcd3e2",
              "other": "#bcd3e2", **MALIGNANCY_COLORS}  # fmt: skip
    rows = [(name, parts) for name, parts in rows if sum(parts.values()) > 0]
    for n, (_, parts) in enumerate(reversed(rows)):
        _stacked(axes, n, parts, colors)
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    _percent_axis(axes)
    return _plot(figure, "Shares of the classes in voxels, candidates and malignancy.")


def _stacked(axes: Axes, y: float, parts: Mapping[str, float], colors: Mapping[str, str]) -> None:
    """One bar of 100 %; a part says its name where it has room."""
    total, left = sum(parts.values()), 0.0
    for name, value in parts.items():
        share = value / total
        axes.barh(y, share, left=left, color=colors[name], height=0.62, edgecolor="#ffffff")
        if share > 0.075:
            text = f"{name} {_number(value)}"
            axes.text(left + share / 2, y, text, ha="center", va="center", fontsize=7.5)
        left += share


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _percent_axis(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _split(split: SplitBalance) -> Plot:
    names = [side.name for side in split.sides]
    rows: list[tuple[str, list[float]]] = [("patients", [s.patients for s in split.sides])]
    if split.sides:
        rows += [
            (name, [side.features[name] for side in split.sides])
            for name in split.sides[0].features
        ]
    rows = [(name, values) for name, values in rows if sum(values) > 0]
    figure, axes = _one(10.4, 0.9 + 0.25 * len(rows))
    for n, (_, values) in enumerate(reversed(rows)):
        left = 0.0
        for value, color in zip(values, SIDE_COLORS, strict=False):
            share = value / sum(values)
            axes.barh(n, share, left=left, color=color, height=0.7, edgecolor="#ffffff")
            if share > 0.03:
                axes.text(left + share / 2, n, f"{value:,.0f}", ha="center", va="center",
                          fontsize=7.5)  # fmt: skip
            left += share
    if rows:
        border = np.cumsum(rows[0][1])[:-1] / sum(rows[0][1])
        for x in border:
            axes.axvline(float(x), color=INK, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    _percent_axis(axes)
    handles = [Patch(color=c) for c, _ in zip(SIDE_COLORS, names, strict=False)]
    figure.legend(handles, names, loc="outside upper left", ncols=4, fontsize=8)
    return _plot(
        figure,
        "Shares of the sides of the split in patients, scans, nodules, sizes and malignancy.",
        "Dotted: each side's share of the patients, which every row would meet if all were even.",
    )
