"""Compare phantoms with real CTs: ``python -m bundles.common.phantom.compare -o FOLDER CT...``.

For each real CT, phantoms are made with its slice spacing, pixel size, kind of kernel and noise,
so that what differs is anatomy and the form of blur and noise, not the protocol. Writes
``realism.json`` and ``realism.png``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

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
    return recipe.model_copy(update={"scanner": recipe.scanner.model_copy(update=update)})


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


def draw(result: dict[str, Any], path: Path) -> None:
    """One row a real CT: histogram, noise power, tubes by size, tubes by depth."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    cases = result["cases"]
    figure, rows = plt.subplots(len(cases), 4, figsize=(13, 2.6 * len(cases)), squeeze=False)
    hu = 0.5 * (HISTOGRAM_HU[1:] + HISTOGRAM_HU[:-1])
    f = 0.5 * (FREQUENCIES[1:] + FREQUENCIES[:-1])
    depths = [f"{a:g}-{b:g}" for a, b in pairwise(DEPTHS_MM)]
    sizes = [f"{s:g}" for s in TUBE_SIGMAS_MM]
    for axes, case in zip(rows, cases, strict=True):
        series = [(case["real"], "black", 1.8, case["name"])]
        series += [(p, "tab:orange", 0.9, "phantom") for p in case["phantoms"]]
        for m, colour, width, label in series:
            style = {"color": colour, "linewidth": width, "label": label}
            axes[0].plot(hu, m["histogram"], **style)
            for name, line in (("noise_tissue", "-"), ("noise_lung", ":")):
                if m[name]["power"]:
                    axes[1].plot(f, m[name]["power"], linestyle=line, **style)
            axes[2].plot(sizes, m["tube_share_by_size"], marker=".", **style)
            axes[3].plot(depths, m["tube_share_by_depth"], marker=".", **style)
        axes[0].set(xlabel="HU in the lungs", ylabel="share of voxels")
        axes[1].set(xlabel="cycles per mm (dotted: lung)", ylabel="noise power, normalised")
        axes[2].set(xlabel="tube size, sigma in mm", ylabel="share of the lung")
        axes[3].set(xlabel="depth under the pleura, mm", ylabel="share that is tube")
        handles, labels = axes[0].get_legend_handles_labels()
        axes[0].legend(handles[:2], labels[:2], fontsize=7, frameon=False)
        for a in axes:
            a.set_ylim(bottom=0)
            a.tick_params(labelsize=7)
    figure.tight_layout()
    beside = path.with_name(f".{path.name}.part")
    figure.savefig(beside, dpi=80, format="png")
    plt.close(figure)
    beside.replace(path)


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
    beside = chosen.output / ".realism.json.part"
    beside.write_text(json.dumps(result, indent=1), encoding="utf-8")
    beside.replace(chosen.output / "realism.json")
    draw(result, chosen.output / "realism.png")


if __name__ == "__main__":
    main()
