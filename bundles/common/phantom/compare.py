"""Compare phantoms with real CTs: ``python -m bundles.common.phantom.compare -o FOLDER CT...``.

For each real CT, phantoms are made with its slice spacing, pixel size, kind of kernel and noise,
so that what differs is anatomy and the form of blur and noise, not the protocol; they have no
infiltrates. Writes ``realism.json``, ``realism.md`` (a table) and ``realism.png``: the real scan
against the spread of its phantoms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bundles.common.files import beside, write_text
from bundles.common.lidc.shapes import load_shapes
from bundles.common.phantom.background import read_background
from bundles.common.phantom.realism import (
    DEPTHS_MM,
    FREQUENCIES,
    HISTOGRAM_HU,
    TUBE_SIGMAS_MM,
    Measures,
    measure,
)
from bundles.common.phantom.recipe import PhantomRecipe
from bundles.common.phantom.scanner import DRAWN_NOISE_MM
from bundles.common.phantom.study import make_study

SHARP_FROM = 0.4
"""Mean noise frequency, 1/mm, from which a kernel counts as sharp."""
_LEAST_HU = -1024


def matched_recipe(recipe: PhantomRecipe, real: Measures, columns: int) -> PhantomRecipe:
    """The recipe with a real scan's protocol.

    Args:
        recipe: the ranges for the rest.
        real: what was measured in it.
        columns: its number of columns.
    """
    step, _, pixel = real["spacing_mm"]
    noise = real["noise_tissue"]["deviation_hu"]
    frequency = real["noise_tissue"]["mean_frequency"]
    pixel_512 = pixel * columns / 512.0
    update: dict[str, Any] = {
        "slice_spacings": (step,),
        "pixel_spacing_512": (pixel_512, pixel_512),
        "small_field_probability": 0.0,
        "cut_probability": 0.0,
    }
    if noise is not None:
        # What is drawn is the noise of thin slices; the scanner takes off what thick ones average.
        noise /= min(1.0, DRAWN_NOISE_MM / step) ** 0.5
        update |= {
            "sharp_probability": float(frequency > SHARP_FROM),
            "soft_noise_hu": (noise, noise),
            "sharp_noise_hu": (noise, noise),
        }
    return recipe.model_copy(
        update={
            "scanner": recipe.scanner.model_copy(update=update),
            "infiltrates": recipe.infiltrates.model_copy(update={"probability": 0.0}),
        }
    )


def histogram_distance_hu(a: Sequence[float], b: Sequence[float]) -> float:
    """Earth mover's distance between two histograms over :data:`~.realism.HISTOGRAM_HU`."""
    step = float(HISTOGRAM_HU[1] - HISTOGRAM_HU[0])
    return float(np.abs(np.cumsum(np.subtract(a, b))).sum() * step)


def compare(cts: Sequence[Path], studies: int, seed: int) -> dict[str, Any]:
    """Measure real CTs, and ``studies`` phantoms of the like for each.

    Raises:
        FileNotFoundError: a CT is not there.
        ValueError: one is no chest CT.
    """
    recipe = PhantomRecipe.load()
    references = load_shapes("training", min_readers=recipe.nodules.min_readers)
    result: dict[str, Any] = {"seed": seed, "cases": []}
    for path in cts:
        real = read_background(path)
        hu = np.maximum(real.hu, _LEAST_HU)
        measured = measure(hu, real.geometry, np.random.default_rng(seed))
        like = matched_recipe(recipe, measured, hu.shape[2])
        phantoms = []
        for index in range(studies):
            study = make_study(like, references, seed, index)
            made = np.maximum(study.hu, _LEAST_HU)
            phantoms.append(measure(made, study.geometry, np.random.default_rng(seed)))
        distance = [
            round(histogram_distance_hu(measured["histogram"], p["histogram"]), 1) for p in phantoms
        ]
        result["cases"].append({
            "name": path.name, "real": measured, "phantoms": phantoms,
            "histogram_distance_hu": distance,
        })  # fmt: skip
    return result


def table(result: dict[str, Any]) -> str:
    """Markdown: a column for each real CT, and one with the value of each of its phantoms."""
    cases = result["cases"]
    head, rows = [""], [[name] for name, _ in _ROWS]
    distance = ["distance of the histograms, HU"]
    for case in cases:
        step, _, pixel = case["real"]["spacing_mm"]
        head += [f"{case['name']} ({step:g} mm, pixels of {pixel:.2f} mm)", "phantoms"]
        for row, (_, text) in zip(rows, _ROWS, strict=True):
            row += [text(case["real"]), "; ".join(text(m) for m in case["phantoms"])]
        distance += ["", "; ".join(f"{d:.0f}" for d in case["histogram_distance_hu"])]
    lines = [head, ["---"] * len(head), *rows[:2], distance, *rows[2:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _number(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def _share(key: str, index: int) -> Callable[[Measures], str]:
    return lambda m: f"{100.0 * m[key][index]:.{2 if key.endswith('size') else 1}f}"


_ROWS: tuple[tuple[str, Callable[[Measures], str]], ...] = (
    ("median of the lungs, HU", lambda m: f"{m['percentiles_hu']['50']:.0f}"),
    (
        "5th and 95th percentile, HU",
        lambda m: f"{m['percentiles_hu']['5']:.0f}, {m['percentiles_hu']['95']:.0f}",
    ),
    *(
        (f"vessel-like, % of the lung, {a:g} to {b:g} mm deep", _share("tube_share_by_depth", n))
        for n, (a, b) in enumerate(pairwise(DEPTHS_MM))
    ),
    *(
        (f"vessel-like, % of the lung, sigma {sigma:g} mm", _share("tube_share_by_size", n))
        for n, sigma in enumerate(TUBE_SIGMAS_MM)
    ),
    ("deviation within 5 mm, median, HU", lambda m: f"{m['local_deviation_hu']['50']:.0f}"),
    (
        "co-occurrence: contrast, correlation",
        lambda m: f"{m['cooccurrence']['contrast']:.1f}, {m['cooccurrence']['correlation']:.2f}",
    ),
    ("noise in soft tissue, HU", lambda m: _number(m["noise_tissue"]["deviation_hu"], ".1f")),
    (
        "its mean frequency, cycles per mm",
        lambda m: _number(m["noise_tissue"]["mean_frequency"], ".2f"),
    ),
    ("deviation in quiet lung, HU", lambda m: _number(m["noise_lung"]["deviation_hu"], ".1f")),
    (
        "its mean frequency, cycles per mm",
        lambda m: _number(m["noise_lung"]["mean_frequency"], ".2f"),
    ),
)


def draw(result: dict[str, Any], path: Path) -> None:
    """One row a real CT: the scan as a line, its phantoms as the range that they span."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    cases = result["cases"]
    figure, rows = plt.subplots(
        len(cases), 5, figsize=(17, 3.4 * len(cases)), squeeze=False, layout="constrained"
    )
    hu = 0.5 * (HISTOGRAM_HU[1:] + HISTOGRAM_HU[:-1])
    f = 0.5 * (FREQUENCIES[1:] + FREQUENCIES[:-1])
    depths = [f"{a:g}-{b:g}" for a, b in pairwise(DEPTHS_MM)]
    for axes, case in zip(rows, cases, strict=True):
        everyone = [case["real"], *case["phantoms"]]
        _spread(axes[0], hu, [m["histogram"] for m in everyone], case["name"])
        for name, dashed in (("noise_tissue", False), ("noise_lung", True)):
            powers = [m[name]["power"] for m in everyone]
            if all(powers):
                _spread(axes[1], f, powers, name.removeprefix("noise_"), dashed=dashed)
        sizes = [m["tube_share_by_size"] for m in everyone]
        _spread(axes[2], TUBE_SIGMAS_MM, 100.0 * np.array(sizes))
        _spread(axes[3], depths, 100.0 * np.array([m["tube_share_by_depth"] for m in everyone]))
        local = [[m["local_deviation_hu"][p] for p in ("10", "50", "90")] for m in everyone]
        _spread(axes[4], ["10", "50", "90"], local)
        axes[0].set(xlabel="voxel in the lungs, HU", ylabel="share of voxels", xlim=(-1050, -300))
        axes[1].set(xlabel="frequency, cycles per mm", ylabel="noise power, share per (1/mm)")
        axes[2].set(xlabel="size of vessel-like structure, sigma in mm", ylabel="% of the lung")
        axes[3].set(xlabel="depth under the pleura, mm", ylabel="vessel-like, % of the lung")
        axes[4].set(xlabel="percentile of the lung's voxels", ylabel="deviation within 5 mm, HU")
        axes[0].legend(fontsize=9, frameon=False)
        axes[1].legend(fontsize=9, frameon=False)
        for a in axes:
            a.set_ylim(bottom=0)
            a.spines[["top", "right"]].set_visible(False)
    with beside(path) as part:
        figure.savefig(part, dpi=70, format="png")
    plt.close(figure)


def _spread(
    axes: Any, x: Any, values: Any, name: str | None = None, *, dashed: bool = False
) -> None:
    """The first row of ``values`` as a line; least, mean and greatest of the others behind it."""
    real, made = values[0], np.asarray(values[1:])
    colour = "tab:blue" if dashed else "tab:orange"
    line = "--" if dashed else "-"
    axes.fill_between(x, made.min(axis=0), made.max(axis=0), color=colour, alpha=0.3, linewidth=0)
    label = (
        None
        if name is None
        else f"{len(made)} phantom{'s'[: len(made) != 1]}" + (f", {name}" if dashed else "")
    )
    axes.plot(x, made.mean(axis=0), color=colour, linewidth=1.0, linestyle=line, label=label)
    axes.plot(x, real, color="black", linewidth=1.8, linestyle=line, label=name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, prog="bundles.common.phantom.compare")
    parser.add_argument("cts", nargs="+", type=Path, metavar="CT", help="DICOM folder or file")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--studies", type=int, default=2, help="phantoms for each CT")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    result = compare(chosen.cts, chosen.studies, chosen.seed)
    write_text(chosen.output / "realism.json", json.dumps(result, indent=1))
    write_text(chosen.output / "realism.md", table(result))
    draw(result, chosen.output / "realism.png")


if __name__ == "__main__":
    main()
