"""Real nodules beside rendered ones of the same outlines: python benchmarks/rendered_nodules.py.

Reads crops of real nodules (``crops.npz``: ``hu`` int16 and ``mask`` bool, both (n, 51, 51, 51)
with axes I, R, C of 1 mm; ``labels.csv``: a row each with ``patient`` and
``equivalent_diameter_mm``). The readers' outlines of the same nodule are rendered with their
ratings into the same crop, from which the nodule was taken out before; the hole is filled with the
crop's own lung level and noise. The rendered nodule is then blurred along z as the scan's slices
and their resampling to 1 mm blurred the real one. So what differs is how a nodule is drawn, not
its form or its surroundings, but for the vessels that ran to it: where one runs, or a wall is near,
no voxel is counted. Distances are to the outline that the label has, for both. Prints what differs
in numbers and writes pairs at one window. Nothing is learnt from them.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from bundles.common.files import beside
from bundles.common.lidc.shapes import NoduleShape, ShapeReference, load_shapes
from bundles.common.phantom.picture import window
from transforms.geometry import Geometry
from transforms.nodule_rendering import RenderedNodule, render_nodule

EDGE = 51 * 4
LUNG_HU = -500
SHELLS_MM = np.arange(-5.0, 6.0)
"""Lower borders of the shells, 1 mm each, around the outline."""
HALF_WAY_HU = -400.0
LARGE_MM = 9.0
SEEDS = 4


@dataclass(frozen=True)
class Pair:
    """A nodule with what is needed to render it.

    Args:
        hu: the real crop.
        mask: its outline as the crop has it.
        shape: the same nodule's outlines of all readers.
        label: what a rendered one's label is, where it fits ``mask`` best.
        center_lps_mm: for that.
        slice_spacing_mm: of the scan.
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    shape: NoduleShape
    label: NDArray[np.bool_]
    center_lps_mm: NDArray[np.float64]
    slice_spacing_mm: float

    @property
    def large(self) -> bool:
        """Whether its core holds more than border."""
        return self.shape.equivalent_diameter_mm >= LARGE_MM


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
    references: Sequence[ShapeReference],
    hu: NDArray[np.int16],
    mask: NDArray[np.bool_],
    grid: Geometry,
) -> Pair | None:
    """The nodule among a patient's whose outlines fit a mask best, with a Dice of 0.7 or more."""
    best, most = None, 0.7
    middle = np.asarray(ndimage.center_of_mass(mask))
    empty = np.full(mask.shape, -850, np.int16)
    for reference in references:
        try:
            shape = reference.build()
        except ValueError:  # outlines that enclose nothing
            continue
        for shift in itertools.product((0.0, -0.5, 0.5), repeat=3):
            center = grid.index_to_lps(middle + shift)
            made = rendered(empty, shape, grid, center, np.random.default_rng(0))
            label = np.zeros(mask.shape, bool)
            label[made.box] = made.mask
            dice = 2 * float((label & mask).sum()) / float(label.sum() + mask.sum())
            if dice > most:
                spacing = reference.annotations[0].scan.slice_spacing_mm
                best, most = Pair(hu, mask, shape, label, center, spacing), dice
            if dice < 0.3:  # another nodule
                break
    return best


def rendered(
    hu: NDArray[np.generic],
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


def render_pair(pair: Pair, grid: Geometry, seed: int) -> NDArray[np.float32]:
    """The crop with the rendered nodule in the real one's place."""
    rng = np.random.default_rng(seed)
    lung = without_nodule(pair.hu, pair.mask | pair.label, rng).astype(np.float32)
    new = rendered(lung, pair.shape, grid, pair.center_lps_mm, rng)
    added = np.zeros_like(lung)
    added[new.box] = new.hu - lung[new.box]
    # A slice's box profile instead of 1 mm's, then linear interpolation between slices.
    variance = (pair.slice_spacing_mm**2 - 1.0) / 12.0 + pair.slice_spacing_mm**2 / 6.0
    return np.asarray(lung + ndimage.gaussian_filter1d(added, max(variance, 0.01) ** 0.5, axis=0))


def clear(pair: Pair, distance: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where no vessel runs to the real nodule and no wall is near."""
    smooth = ndimage.gaussian_filter(pair.hu.astype(np.float32), 0.7)
    dense = (distance > 3) & (distance < 7) & (smooth > LUNG_HU - 150)
    return np.asarray(~ndimage.binary_dilation(dense, iterations=4))


def profile(
    hu: NDArray[np.generic], distance: NDArray[np.float32], where: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Median HU of each shell around the outline; nan where fewer than 6 voxels are."""
    shells = [where & (distance > low) & (distance <= low + 1) for low in SHELLS_MM]
    return np.array([np.median(hu[s]) if s.sum() > 5 else np.nan for s in shells])


def border_mm(levels: NDArray[np.float64]) -> float:
    """Distance from the outline at which a profile falls below half-way; nan for a faint one."""
    known = ~np.isnan(levels)
    levels, middles = levels[known], (SHELLS_MM + 0.5)[known]
    below = np.flatnonzero(levels < HALF_WAY_HU)
    if not below.size or below[0] == 0:
        return float("nan")
    n = below[0]
    share = (levels[n - 1] - HALF_WAY_HU) / (levels[n - 1] - levels[n])
    return float(middles[n - 1] + share * (middles[n] - middles[n - 1]))


def arranged(tiles: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Pairs beside and below each other."""
    edge, gap = EDGE, 6
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
    grid = geometry()
    order = np.argsort([float(row["equivalent_diameter_mm"]) for row in rows])
    by_patient: dict[str, list[ShapeReference]] = {}
    for reference in load_shapes(None, min_diameter_mm=0.0, max_diameter_mm=100.0):
        by_patient.setdefault(reference.patient_id, []).append(reference)
    pairs = []
    for k in order:
        hu, mask = arrays["hu"][k], arrays["mask"][k]
        distance = signed_distance(mask)
        # only nodules that lie in lung: one in a wall would be cut by it
        if (hu[(distance > 1) & (distance < 5)] < LUNG_HU).mean() > 0.75:
            pair = same_nodule(by_patient.get(rows[k]["patient"], []), hu, mask, grid)
            if pair is not None:
                pairs.append(pair)
    report(pairs, grid, options.seed)
    shown = np.linspace(0, len(pairs) - 1, options.pairs).round().astype(int)
    # One seed draws much the same density for all.
    sheet = arranged([tile(pairs[n], grid, options.seed + int(n)) for n in shown])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with beside(options.output) as part:
        sheet.save(part, format="PNG", optimize=True)
    print(f"{options.output}: {len(shown)} pairs, real on the left")


def report(pairs: Sequence[Pair], grid: Geometry, seed: int) -> None:
    """Print how real and rendered nodules differ, by size."""
    for name, chosen in (
        (f"below {LARGE_MM:g} mm", [p for p in pairs if not p.large]),
        (f"{LARGE_MM:g} mm and more", [p for p in pairs if p.large]),
    ):
        real_all, made_all, grain = [], [], []
        for pair in chosen:
            distance = signed_distance(pair.label)
            where = clear(pair, distance)
            drawn = [render_pair(pair, grid, seed + n) for n in range(SEEDS)]
            real_all.append(profile(pair.hu, distance, where))
            made_all.append(np.mean([profile(hu, distance, where) for hu in drawn], axis=0))
            core = distance < -1.5
            if core.sum() > 30:
                grain.append([float(v[core].std()) for v in (pair.hu, drawn[0])])
        print(f"{len(chosen)} nodules {name}; HU by distance from the outline (mm)")
        for low, real, made in zip(SHELLS_MM, _mean(real_all), _mean(made_all), strict=True):
            if not np.isnan(real):
                print(f"  {low:3.0f} to {low + 1:3.0f}: real {real:6.0f}, rendered {made:6.0f}")
        lines = [np.nanmedian([border_mm(p) for p in group]) for group in (real_all, made_all)]
        print(f"  half-way density at: real {lines[0]:.2f} mm, rendered {lines[1]:.2f} mm")
        real, made = np.median(grain, axis=0)
        print(f"  spread inside ({len(grain)} nodules): real {real:.0f} HU, rendered {made:.0f} HU")


def _mean(profiles: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    values = np.ma.masked_invalid(profiles)
    return np.asarray(values.mean(axis=0).filled(np.nan))


def tile(pair: Pair, grid: Geometry, seed: int) -> tuple[Image.Image, Image.Image]:
    """The slice through its middle, real and rendered."""
    plane = round(float(grid.lps_to_index(pair.center_lps_mm)[0]))
    real, made = (
        Image.fromarray(window(volume[plane])).resize((EDGE, EDGE), Image.Resampling.BICUBIC)
        for volume in (pair.hu, render_pair(pair, grid, seed))
    )
    words = f"{pair.shape.equivalent_diameter_mm:.0f} mm, texture {pair.shape.ratings.texture:g}"
    ImageDraw.Draw(real).text((4, 2), f"real, {words}", fill=255)
    ImageDraw.Draw(made).text((4, 2), "rendered", fill=255)
    return real, made


if __name__ == "__main__":
    main()
