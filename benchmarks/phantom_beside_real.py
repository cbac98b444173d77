"""Phantoms beside real CTs at the same windows: python benchmarks/phantom_beside_real.py.

For each real CT a phantom with its slice spacing, pixel size, kind of kernel and noise is made and
axial slices of each are drawn at the same levels of the lungs: a lung window above, a soft-tissue
window below, for each level. Give a CT as ``FOLDER=INDEX``, where INDEX is the phantom's number
under ``--seed``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bundles.common.files import beside
from bundles.common.lidc.shapes import load_shapes
from bundles.common.phantom.background import read_background
from bundles.common.phantom.compare import matched_recipe
from bundles.common.phantom.picture import window
from bundles.common.phantom.realism import measure
from bundles.common.phantom.recipe import PhantomRecipe
from bundles.common.phantom.study import make_study
from transforms.geometry import Geometry
from transforms.lungs import lung_region

PIXELS, GAP = 400, 4
MARGIN_MM = 30.0
WINDOWS_HU = ((-600.0, 1500.0), (40.0, 400.0))
_LEAST_HU = -1024


def axial(
    hu: NDArray[np.int16],
    lungs: NDArray[np.bool_],
    geometry: Geometry,
    share: float,
    whole: bool,
) -> NDArray[np.int16]:
    """The slice at a share of the lungs' height, from their lowest; a square round the chest."""
    levels = np.flatnonzero(lungs.any(axis=(1, 2)))
    level = round(levels[0] + share * (levels[-1] - levels[0]))
    if whole:
        return np.maximum(hu[level], _LEAST_HU)
    where = np.argwhere(lungs[level])
    middle = 0.5 * (where.min(axis=0) + where.max(axis=0))
    half = 0.5 * float(np.ptp(where, axis=0).max()) + MARGIN_MM / geometry.spacing_irc_mm[1]
    low = np.maximum(np.round(middle - half).astype(int), 0)
    high = np.minimum(np.round(middle + half).astype(int), hu.shape[1:])
    square = np.full((int(2 * half) + 1,) * 2, _LEAST_HU, dtype=np.int16)
    part = hu[level, low[0] : high[0], low[1] : high[1]]
    at = np.round(low - (middle - half)).astype(int)
    there = square[at[0] : at[0] + part.shape[0], at[1] : at[1] + part.shape[1]]
    there[...] = part[: there.shape[0], : there.shape[1]]
    return np.maximum(square, _LEAST_HU)


def tiles(plane: NDArray[np.int16], words: str) -> list[Image.Image]:
    """One plane at each window."""
    made = []
    for center_hu, width_hu in WINDOWS_HU:
        grey = Image.fromarray(window(plane, center_hu, width_hu) & 0xFC)
        tile = grey.resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)
        label = f"{words}, window {center_hu:.0f}/{width_hu:.0f}"
        ImageDraw.Draw(tile).text((6, 4), label, fill=255)
        made.append(tile)
    return made


def _column(
    hu: NDArray[np.int16], geometry: Geometry, words: str, options: argparse.Namespace
) -> list[Image.Image]:
    """All tiles of one scan."""
    lungs = lung_region(hu, geometry)
    planes = [axial(hu, lungs, geometry, share, options.whole) for share in options.shares]
    return [tile for plane in planes for tile in tiles(plane, words)]


def main() -> None:
    """Make the phantoms and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cts", nargs="+", metavar="CT=INDEX")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.35], help="heights in the lungs, 0 to 1"
    )
    parser.add_argument("--whole", action="store_true", help="the whole field, not the chest alone")
    options = parser.parse_args()
    recipe = PhantomRecipe.load()
    references = load_shapes("training", min_readers=recipe.nodules.min_readers)
    columns = []
    for text in options.cts:
        folder, _, index = text.partition("=")
        real = read_background(Path(folder))
        hu = np.maximum(real.hu, _LEAST_HU)
        measured = measure(hu, real.geometry, np.random.default_rng(options.seed), blocks=8)
        columns.append(_column(real.hu, real.geometry, Path(folder).name, options))
        like = matched_recipe(recipe, measured, hu.shape[2])
        study = make_study(like, references, options.seed, int(index or 0))
        scan = study.acquisition
        words = f"phantom {options.seed}/{int(index or 0)}" + (f", {scan.kernel}" if scan else "")
        columns.append(_column(study.hu, study.geometry, words, options))
    step = PIXELS + GAP
    sheet = Image.new("L", (len(columns) * step - GAP, len(columns[0]) * step - GAP), 255)
    for column, pair in enumerate(columns):
        for row, tile in enumerate(pair):
            sheet.paste(tile, (column * step, row * step))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with beside(options.output) as part:
        sheet.save(part, format="PNG", optimize=True)
    print(options.output)


if __name__ == "__main__":
    main()
