"""Real nodules beside rendered ones of the same outlines: python benchmarks/rendered_nodules.py.

Reads crops of real nodules (``crops.npz``: ``hu`` int16 and ``mask`` bool, both (n, 51, 51, 51)
with axes I, R, C of 1 mm; ``labels.csv``: a row each with ``patient`` and
``equivalent_diameter_mm``). The readers' outlines of the same nodule are rendered with their
ratings into the same crop, from which the nodule was taken out before; the hole is filled with the
crop's own lung level and noise. So what differs is how a nodule is drawn, not its form or its
surroundings, but for the vessels that ran to it. Prints what differs in numbers and writes pairs at
one window. Nothing is learnt from them.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from bundles.common.lidc.shapes import NoduleShape, ShapeReference, load_shapes
from bundles.common.phantom.picture import window
from transforms.geometry import Geometry
from transforms.nodule_rendering import RenderedNodule, render_nodule

ZOOM = 4
LUNG_HU = -500
SHELLS_MM = ((-99.0, -2.0), (-2.0, 0.0), (0.0, 2.0), (2.0, 4.0))


def geometry() -> Geometry:
    """Of a crop: 1 mm, its axes along +z, +y, +x of LPS."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1]
    return Geometry((51, 51, 51), affine)


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Millimetres to the outline, negative inside."""
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    return np.asarray(np.where(mask, 0.5 - inside, outside - 0.5), dtype=np.float32)


def without_nodule(
    hu: NDArray[np.int16], mask: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int16]:
    """The crop with lung in the nodule's place: the level around, and noise as strong as there."""
    near = ndimage.distance_transform_edt(~mask)
    volume = hu.astype(np.float32)
    quiet = (near > 3) & (near < 15) & (hu < LUNG_HU - 200)
    residual = (volume - ndimage.gaussian_filter(volume, 1.5))[quiet]
    spread = 1.4826 * np.median(np.abs(residual - np.median(residual)))
    noise = ndimage.gaussian_filter(rng.standard_normal(hu.shape), 0.6)
    hole = (near <= 3) & ((hu > LUNG_HU - 250) | mask)
    filled = np.where(hole, np.median(hu[quiet]) + spread * noise / noise.std(), volume)
    return np.asarray(np.rint(filled), dtype=np.int16)


def same_nodule(
    references: Sequence[ShapeReference], mask: NDArray[np.bool_], grid: Geometry
) -> NoduleShape | None:
    """The nodule among a patient's whose outlines fit a mask best, with a Dice of 0.7 or more."""
    best, most = None, 0.7
    center = grid.index_to_lps(ndimage.center_of_mass(mask))
    empty = np.full(mask.shape, -850, np.int16)
    for reference in references:
        try:
            shape = reference.build()
        except ValueError:  # outlines that enclose nothing
            continue
        made = rendered(empty, shape, grid, center, np.random.default_rng(0))
        drawn = np.zeros(mask.shape, bool)
        drawn[made.box] = made.mask
        dice = 2 * float((drawn & mask).sum()) / float(drawn.sum() + mask.sum())
        if dice > most:
            best, most = shape, dice
    return best


def rendered(
    hu: NDArray[np.int16],
    shape: NoduleShape,
    grid: Geometry,
    center: NDArray[np.float64],
    rng: np.random.Generator,
) -> RenderedNodule:
    """A shape as it is, rendered at a point, LPS mm."""
    return render_nodule(
        hu,
        grid,
        shape.sdf_mm,
        shape.spacing_mm,
        center,
        rng=rng,
        sdf_center_irc=shape.center_irc,
        texture=shape.ratings.texture,
        calcification=shape.ratings.calcification,
        margin=shape.ratings.margin,
        spiculation=shape.ratings.spiculation,
    )


def profile(hu: NDArray[np.generic], distance: NDArray[np.float32]) -> list[float]:
    """Mean HU of each shell around the outline."""
    return [
        float(hu[(distance > low) & (distance <= high)].mean())
        if np.any((distance > low) & (distance <= high))
        else float("nan")
        for low, high in SHELLS_MM
    ]


def arranged(tiles: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Pairs beside and below each other."""
    edge, gap = 51 * ZOOM, 6
    columns = 4
    lines = -(-len(tiles) // columns)
    sheet = Image.new("L", (columns * (2 * edge + 3 * gap), lines * (edge + gap)), 255)
    for n, (left, right) in enumerate(tiles):
        x, y = (n % columns) * (2 * edge + 3 * gap), (n // columns) * (edge + gap)
        sheet.paste(left, (x, y))
        sheet.paste(right, (x + edge + 2, y))
    return sheet


def main() -> None:
    """Render, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crops", type=Path, help="folder with crops.npz and labels.csv")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG to write")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    arrays = np.load(options.crops / "crops.npz")
    with (options.crops / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    grid, rng = geometry(), np.random.default_rng(options.seed)
    order = np.argsort([float(row["equivalent_diameter_mm"]) for row in rows])
    by_patient: dict[str, list[ShapeReference]] = {}
    for reference in load_shapes(None, min_diameter_mm=0.0, max_diameter_mm=100.0):
        by_patient.setdefault(reference.patient_id, []).append(reference)
    usable = []
    for k in order:
        hu, mask = arrays["hu"][k], arrays["mask"][k]
        distance = signed_distance(mask)
        # only nodules that lie in lung: one in a wall would be cut by it
        if (hu[(distance > 1) & (distance < 5)] < LUNG_HU).mean() > 0.75:
            shape = same_nodule(by_patient.get(rows[k]["patient"], []), mask, grid)
            if shape is not None:
                usable.append((int(k), shape))
    shown = set(np.linspace(0, len(usable) - 1, options.pairs).round().astype(int).tolist())
    tiles, real_all, made_all, grain = [], [], [], []
    for n, (k, shape) in enumerate(usable):
        hu, mask = arrays["hu"][k], arrays["mask"][k]
        distance = signed_distance(mask)
        center = np.asarray(ndimage.center_of_mass(mask))
        lung = without_nodule(hu, mask, rng)
        new = rendered(lung, shape, grid, grid.index_to_lps(center), rng)
        made = lung.astype(np.float32)
        made[new.box] = new.hu
        real_all.append(profile(hu, distance))
        made_all.append(profile(made, distance))
        core = distance < -1.5
        if core.sum() > 30:
            grain.append([float(v[core].std()) for v in (hu, made)])
        if n in shown:
            plane = round(float(center[0]))
            size = (51 * ZOOM, 51 * ZOOM)
            pair = [
                Image.fromarray(window(volume[plane])).resize(size, Image.Resampling.BICUBIC)
                for volume in (hu, made)
            ]
            words = f"{shape.equivalent_diameter_mm:.0f} mm, texture {shape.ratings.texture:g}"
            ImageDraw.Draw(pair[0]).text((4, 2), words, fill=255)
            tiles.append(pair)
    print(f"{len(usable)} nodules in lung; mean HU by distance from the outline (mm)")
    for (low, high), real, made in zip(
        SHELLS_MM, np.nanmean(real_all, axis=0), np.nanmean(made_all, axis=0), strict=True
    ):
        print(f"  {max(low, -9):4.0f} to {high:3.0f}: real {real:6.0f}, rendered {made:6.0f}")
    real, made = np.median(grain, axis=0)
    print(f"spread inside, median of {len(grain)}: real {real:.0f} HU, rendered {made:.0f} HU")
    sheet = arranged(tiles)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.output)
    print(f"{options.output}: {len(tiles)} pairs, real on the left")


if __name__ == "__main__":
    main()
