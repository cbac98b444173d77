"""The FROC curve as the LUNA16 challenge draws it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nodulus.app.evaluation.froc_report import FrocAnalysis
from nodulus.app.evaluation.metrics.froc import CPM_RATES
from nodulus.bundles.common.atomic_files import atomic_write

_COLOR = "#2f6f9f"


def draw_froc(path: Path, analysis: FrocAnalysis, title: str) -> None:
    """Write a PNG: sensitivity over false positives a scan on a logarithmic axis, 1/8 to 8.

    Args:
        path: the file.
        analysis: the curve, with its interval where there is one.
        title: above it.
    """
    curve, band = analysis.curve, analysis.band
    figure = Figure(figsize=(7.0, 4.8), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    alarms = np.geomspace(CPM_RATES[0], CPM_RATES[-1], 2000)
    axes.plot(alarms, curve.sensitivity_at(alarms), color=_COLOR, lw=2, label="all scans")
    lowest = curve.sensitivity_at(CPM_RATES[0])
    if band is not None:
        x = band.false_positives_per_scan
        axes.plot(x, band.mean, color=_COLOR, lw=1, ls="--", label="mean of the bootstrap")
        label = f"{analysis.confidence:.0%} interval"
        axes.fill_between(x, band.lower, band.upper, color=_COLOR, alpha=0.15, lw=0, label=label)
        lowest = np.minimum(lowest, band.lower[0])
    axes.plot(CPM_RATES, curve.sensitivity_at(CPM_RATES), "o", color=_COLOR, ms=5)
    axes.set_xscale("log", base=2)
    axes.set_xlim(CPM_RATES[0], CPM_RATES[-1])
    axes.set_xticks(CPM_RATES, ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    # The challenge's axis begins at 0.5; a weaker system is drawn from 0.
    axes.set_ylim(0.5 if lowest >= 0.5 else 0.0, 1.0)
    axes.set_xlabel("Average number of false positives per scan")
    axes.set_ylabel("Sensitivity")
    axes.set_title(f"{title}, CPM {curve.cpm:.3f}")
    axes.grid(True, which="major", color="#d9dfe4", lw=0.6)
    axes.legend(loc="lower right", frameon=False)
    with atomic_write(path) as part:
        figure.savefig(part, format="png", metadata={"Software": ""})
