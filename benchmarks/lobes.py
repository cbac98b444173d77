"""Lobes and fissures: python benchmarks/lobes.py --phantoms 10 --seed 6200, or --scans FOLDER.

With ``--phantoms`` it makes phantom studies, whose fissures are known, asks for the lobe of places
all over their lungs, and prints for each study and lobe the share that is told rightly and the
share that is told wrongly (the true lobe is not among the possible ones); the rest is unsure.
Places that lie in the lungs found but on the other side of the phantom's midline do not count.

With ``--scans`` it looks for the fissures in every study at or under FOLDER as ``nodulus detect``
reads them, and prints the CPU time and how much of each lung is told. ``--pictures`` writes a
contact sheet each, sagittal and coronal, plain above and with the surfaces below: oblique fissures
red, the horizontal one green, the interval of doubt tinted.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates

from nodulus.app.chain.lobe import Lobes
from nodulus.app.chain.lung_extent import SIDE_LABELS
from nodulus.app.chain.settings import load_settings
from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.chest import part_rng
from nodulus.app.data.phantom.dataset import DatasetPlan, make_one
from nodulus.app.data.phantom.lung_anatomy import draw_fissures
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.errors import NodulusError
from nodulus.app.reading import find_studies
from nodulus.app.result import LOBES, SideName
from nodulus.app.volume import CtVolume
from nodulus.transforms.fissures.fissure_surface import FissureSurface
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lungs import find_lungs

PLACES = 1000
"""Of each lung that are asked for."""
PHANTOM_LOBES = np.array(["lower", "upper", "middle"])
RED, GREEN = (255, 40, 40), (60, 255, 60)
WINDOW_HU = (-1000.0, -500.0)
SAGITTAL, CORONAL = (0.15, 0.35, 0.5, 0.65, 0.85), (0.35, 0.65)
"""Where the sections lie, as quantiles of the lung's places."""
Counts = dict[tuple[SideName, str], NDArray[np.int64]]


def lobes_of(volume: CtVolume, lungs: LungRegion) -> Lobes:
    """By the shipped settings."""
    pipeline = load_settings().pipeline
    return Lobes(volume, lungs, pipeline.lobe, pipeline.fissures)


def places(lungs: LungRegion, side: SideName) -> NDArray[np.float64]:
    """Places all over a lung, LPS mm, the same each time."""
    found = lungs.geometry.index_to_lps(np.argwhere(lungs.sides == SIDE_LABELS[side]))
    order = np.random.default_rng(1).permutation(len(found))
    return found[order[:PLACES]]


def phantom_counts(seed: int, index: int) -> tuple[float, Counts]:
    """Slice spacing, and by lobe how many places there are, told rightly, told wrongly."""
    recipe = PhantomRecipe.load()
    study = make_one(DatasetPlan(Path(), seed, recipe), index)
    body = draw_anatomy(recipe.anatomy, part_rng(seed, index, "anatomy"))
    fissures = draw_fissures(body, part_rng(seed, index, "fissures"))
    spacing_mm = study.geometry.spacing_irc_mm[0]
    lungs = find_lungs(study.hu, study.geometry)
    if lungs is None or study.acquisition is None:
        return spacing_mm, {}
    lobes = lobes_of(CtVolume(study.hu, study.geometry, "1", "1", "mhd"), lungs)
    counts: Counts = {}
    for side in LOBES:
        at = places(lungs, side)
        anatomy = at - np.asarray(study.acquisition.frame_lps_mm)
        at, anatomy = (p[(anatomy[:, 0] > 0) == (side == "left")] for p in (at, anatomy))
        truth = PHANTOM_LOBES[fissures.lobe(anatomy)]
        said = [lobes.possible(side, point) for point in at.tolist()]
        for lobe in LOBES[side]:
            of_it = [one for one, true in zip(said, truth, strict=True) if true == lobe]
            right, wrong = (
                sum(one == (lobe,) for one in of_it),
                sum(lobe not in one for one in of_it),
            )
            counts[side, lobe] = np.array([len(of_it), right, wrong])
    return spacing_mm, counts


def measure_phantoms(seed: int, count: int) -> None:
    """Print a row for each phantom and each lobe, and all of them together."""
    total: Counts = {}
    print("study | slices mm | lobe | places | right | wrong")
    for index in range(count):
        spacing_mm, counts = phantom_counts(seed, index)
        for key, one in counts.items():
            total[key] = total.get(key, 0) + one
            _print_row(f"{index} | {spacing_mm:.2f} | {' '.join(key)}", one)
    for key, one in total.items():
        _print_row(f"all | | {' '.join(key)}", one)
    _print_row("all | | all", np.sum(list(total.values()), axis=0))


def _print_row(head: str, counts: NDArray[np.int64]) -> None:
    places_there, right, wrong = counts / max(1, counts[0]) * (counts[0] or 1, 1, 1)
    print(f"{head} | {places_there:.0f} | {right:.3f} | {wrong:.4f}", flush=True)


def measure_scans(folder: Path, pictures: Path | None) -> None:
    """Print a row for each study."""
    print("study | slices mm | CPU s | left told | right told")
    for study in find_studies(folder).studies:
        key = study.key
        try:
            volume = study.load()
        except NodulusError as error:
            print(f"{key} | {error.code}")
            continue
        lungs = find_lungs(volume.hu, volume.geometry)
        if lungs is None:
            print(f"{key} | no lungs")
            continue
        lobes = lobes_of(volume, lungs)
        began = time.process_time()
        for side in LOBES:
            lobes.fissures(side)
        spent = time.process_time() - began
        told = [
            np.mean([len(lobes.possible(side, p)) == 1 for p in places(lungs, side).tolist()])
            for side in LOBES
        ]
        spacing_mm = volume.geometry.spacing_irc_mm[0]
        print(f"{key} | {spacing_mm:.2f} | {spent:.2f} | {told[0]:.2f} | {told[1]:.2f}", flush=True)
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            contact_sheet(volume, lungs, lobes).save(pictures / f"{key}.png")


def contact_sheet(volume: CtVolume, lungs: LungRegion, lobes: Lobes) -> Image.Image:
    """Sections of 1 mm pixels through the right lung, and below it the left one."""
    rows = []
    for side in ("right", "left"):
        at = places(lungs, side)
        fissures, low, high = lobes.fissures(side), at.min(axis=0) - 8.0, at.max(axis=0) + 8.0
        sections = [(0, q) for q in SAGITTAL] + [(1, q) for q in CORONAL]
        tiles = []
        for axis, share in sections:
            across = 1 - axis
            z, other = np.arange(high[2], low[2], -1.0), np.arange(low[across], high[across])
            points = np.empty((len(z), len(other), 3))
            points[..., axis] = np.quantile(at[:, axis], share)
            points[..., across], points[..., 2] = other[None, :], z[:, None]
            plain = _gray(volume, points)
            drawn = _drawn(plain, points, fissures.oblique, RED)
            if fissures.horizontal is not None and fissures.oblique is not None:
                above = fissures.oblique.height_over(points.reshape(-1, 3)).reshape(z.size, -1) > 0
                green = _drawn(drawn, points, fissures.horizontal, GREEN)
                drawn = np.where(above[..., None], green, drawn)
            tiles.append(np.concatenate([plain, drawn]))
        rows.append(np.concatenate(tiles, axis=1))
    width = max(row.shape[1] for row in rows)
    sheet = [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]
    return Image.fromarray(np.concatenate(sheet).astype(np.uint8))


def _gray(volume: CtVolume, points: NDArray[np.float64]) -> NDArray[np.float64]:
    index = np.moveaxis(volume.geometry.lps_to_index(points), -1, 0)
    hu = map_coordinates(volume.hu, index, order=1, mode="nearest", output=np.float64)
    low, high = WINDOW_HU
    return np.repeat(np.clip((hu - low) / (high - low), 0, 1)[..., None] * 255, 3, axis=2)


def _drawn(
    picture: NDArray[np.float64],
    points: NDArray[np.float64],
    fissure: FissureSurface | None,
    color: tuple[int, int, int],
) -> NDArray[np.float64]:
    if fissure is None:
        return picture
    flat, shape = points.reshape(-1, 3), points.shape[:2]
    doubt = fissure.side_of(flat).reshape(shape) == 0
    line = np.abs(fissure.height_over(flat).reshape(shape)) < 0.8
    tinted = np.where(doubt[..., None], 0.8 * picture + 0.2 * np.asarray(color), picture)
    return np.where(line[..., None], color, tinted)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--seed", type=int, default=6200)
    parser.add_argument("--scans", type=Path)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    if given.phantoms:
        measure_phantoms(given.seed, given.phantoms)
    if given.scans is not None:
        measure_scans(given.scans, given.pictures)


if __name__ == "__main__":
    main()
