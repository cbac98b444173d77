"""The picture of benchmarks/chain.py's results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draw what was measured: steps, rivals and size, each where it is there.

    Args:
        results: as chain.py writes them.
        path: a PNG file.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = {
        "steps": results["measured"].get("detect", {}).get("steps_s"),
        "measured": results["measured"],
        "sizes": results.get("sizes"),
    }
    panels = [name for name, content in shown.items() if content]
    if not panels:
        return
    figure, axes = plt.subplots(
        1, len(panels), figsize=(5.2 * len(panels), 3.6), layout="constrained", squeeze=False
    )
    for name, axis in zip(panels, axes[0], strict=True):
        {"steps": _steps, "measured": _rivals, "sizes": _sizes}[name](axis, shown[name])
    machine = results["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['threads']} threads", fontsize=9)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _steps(axis: Any, steps: Mapping[str, float]) -> None:
    axis.barh(list(steps), list(steps.values()), color="#3b78a8")
    axis.invert_yaxis()
    axis.set(title="Steps, warm", xlabel="seconds")


def _rivals(axis: Any, rivals: Mapping[str, Mapping[str, Any]]) -> None:
    bars = axis.barh(list(rivals), [one["wall_s"] for one in rivals.values()], color="#b3702f")
    axis.bar_label(bars, fmt="%.1f s", padding=2, fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=0.18)
    axis.set(title="Beside others", xlabel="seconds")


def _sizes(axis: Any, sizes: Mapping[str, Mapping[str, Any]]) -> None:
    sizes = {name: one for name, one in sizes.items() if name.isdigit()}
    slices = [int(n) for n in sizes]
    axis.plot(slices, [one["wall_s"] for one in sizes.values()], "o-", color="#3b78a8")
    axis.set(title="Size", xlabel="slices", ylabel="seconds", ylim=(0, None), xlim=(0, None))
    memory = axis.twinx()
    memory.plot(slices, [one["peak_mib"] for one in sizes.values()], "s--", color="#999999")
    memory.set(ylabel="peak memory, MiB (dashed)", ylim=(0, None))
