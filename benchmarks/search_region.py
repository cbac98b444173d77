"""Lungs and search region on a folder of scans: python benchmarks/search_region.py FOLDER.

Reads every study at or under FOLDER as ``nodulus detect`` does and prints a row each: the aerated
volume of either lung, the search region's volume and how many times the aerated lungs it is, the
CPU time, and for each known lesion the share of its voxels that lies in the search region.

Lesions come as label images (``--masks``, named like the series) and as balls (``--lesions``, a CSV
with ``seriesuid,coordX,coordY,coordZ,diameter_mm`` in LPS mm, as LUNA16's annotations.csv); a mask
goes before the balls of the same scan. ``--pictures`` writes a contact sheet each, axial and
coronal: right lung green, left lung cyan, search region red.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from nodulus.app.errors import NodulusError
from nodulus.app.evaluation.scans.lesion_outlines import find_mask, read_mask
from nodulus.app.reading import find_studies
from nodulus.app.volume import CtVolume
from nodulus.transforms.body_axes import BodyAxes
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_rule import shipped_lung_rule
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.lungs import coarsen, find_lungs

PLAUSIBLE_ML = (500.0, 5000.0)
PLAUSIBLE_SUM_ML = (1500.0, 9500.0)
PLAUSIBLE_RIGHT_SHARE = (0.40, 0.65)
"""Around the total lung capacity of adults, 4 to 8 l (Stocks and Quanjer, Eur. Respir. J.
8:492-506, 1995), of which the right lung holds some 53 to 55 %; less in a shallow breath."""
COLORS = {RIGHT: (60, 220, 60), LEFT: (60, 220, 220)}
WINDOW_HU = (-1100.0, 400.0)
TILE = 280


def balls(path: Path | None) -> dict[str, list[tuple[NDArray[np.float64], float]]]:
    """Centres and diameters of a CSV by series."""
    found = defaultdict(list)
    if path is not None:
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                center = np.array([float(row[f"coord{axis}"]) for axis in "XYZ"])
                found[row["seriesuid"]].append((center, float(row["diameter_mm"])))
    return found


def lesion_points(
    volume: CtVolume, mask: Path | None, known: Iterable[tuple[NDArray[np.float64], float]]
) -> list[NDArray[np.float64]]:
    """The points of each lesion, LPS mm."""
    if mask is not None:
        labels = read_mask(mask, volume.geometry)
        return [
            volume.geometry.index_to_lps(np.argwhere(labels == value))
            for value in np.unique(labels)
            if value not in (0, 255)
        ]
    points = []
    for center, diameter in known:
        steps = np.arange(-diameter / 2, diameter / 2 + 1e-6, 1.0)
        grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        points.append(center + grid[np.linalg.norm(grid, axis=1) <= diameter / 2])
    return points


def doubts(lungs: LungRegion) -> list[str]:
    """What of the volumes is not plausible for an adult's whole lungs."""
    said = []
    for name, value, (low, high) in (
        ("right lung", lungs.right_ml, PLAUSIBLE_ML),
        ("left lung", lungs.left_ml, PLAUSIBLE_ML),
        ("sum", lungs.volume_ml, PLAUSIBLE_SUM_ML),
        ("right share", lungs.right_ml / lungs.volume_ml, PLAUSIBLE_RIGHT_SHARE),
    ):
        if not low <= value <= high:
            said.append(f"{name} {value:.2f} not in {low:g} to {high:g}")
    return said


def contact_sheet(volume: CtVolume, lungs: LungRegion, path: Path) -> None:
    """Ten axial and five coronal sections with outlines."""
    coarse, grid = coarsen(volume.hu, volume.geometry, shipped_lung_rule().coarse_mm)
    axes = BodyAxes.of(grid)
    hu, sides, search = (axes.turn(a)[::-1] for a in (coarse, lungs.sides, lungs.search_region))
    spacing = axes.turned(grid).spacing_irc_mm
    z, y = np.flatnonzero(search.any(axis=(1, 2))), np.flatnonzero(search.any(axis=(0, 2)))
    axial = [(int(k), slice(None)) for k in np.linspace(z[0] + 1, z[-1] - 1, 10)]
    coronal = [(slice(None), int(k)) for k in np.linspace(y[0] + 3, y[-1] - 3, 5)]
    width = hu.shape[2] * spacing[2]
    rows = []
    for cuts, tall in ((axial[:5], 1), (axial[5:], 1), (coronal, 0)):
        size = (TILE, round(TILE * hu.shape[tall] * spacing[tall] / width))
        rows.append(np.concatenate([_tile(hu[c], sides[c], search[c], size) for c in cuts], axis=1))
    Image.fromarray(np.concatenate(rows)).save(path)


def _tile(
    hu: NDArray[np.float32],
    sides: NDArray[np.uint8],
    search: NDArray[np.bool_],
    size: tuple[int, int],
) -> NDArray[np.uint8]:
    low, high = WINDOW_HU
    gray = (np.clip((hu - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    picture = np.array(Image.fromarray(gray).resize(size).convert("RGB"))
    layers = [(search, (255, 70, 70)), *((sides == side, c) for side, c in COLORS.items())]
    for mask, color in layers:
        shown = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
        inside = np.asarray(shown) > 0
        picture[inside & ~ndimage.binary_erosion(inside)] = color
    return picture


def main() -> None:
    """Print a row for each study."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--lesions", type=Path)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    known = balls(given.lesions)
    print("study | right ml | left ml | search ml | times | CPU s | in the region | doubts")
    for study in find_studies(given.folder).studies:
        try:
            volume = study.load()
        except NodulusError as error:
            print(f"{study.key} | {error.code}")
            continue
        began = time.process_time()
        lungs = find_lungs(volume.hu, volume.geometry)
        spent = time.process_time() - began
        if lungs is None:
            print(f"{study.key} | no lungs")
            continue
        points = lesion_points(volume, find_mask(given.masks, study.key), known[study.key])
        shares = ", ".join(f"{lungs.at(one).mean():.3f}" for one in points)
        search_ml = float(lungs.search_region.sum()) * lungs.geometry.voxel_volume_mm3 / 1000.0
        print(
            f"{study.key} | {lungs.right_ml:.0f} | {lungs.left_ml:.0f} | {search_ml:.0f}"
            f" | {search_ml / lungs.volume_ml:.2f} | {spent:.2f} | {shares}"
            f" | {'; '.join(doubts(lungs))}",
            flush=True,
        )
        if given.pictures is not None:
            given.pictures.mkdir(parents=True, exist_ok=True)
            contact_sheet(volume, lungs, given.pictures / f"{study.key}.png")


if __name__ == "__main__":
    main()
