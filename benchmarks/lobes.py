"""How often the lobe of a place is told, and how often rightly, on phantoms with known fissures.

python benchmarks/lobes.py --seed 777 --first 20 --studies 20
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from app.chain.lobe import lobe, lung_extents
from bundles.common.lidc.shapes import load_shapes
from bundles.common.phantom.anatomy import draw_anatomy
from bundles.common.phantom.chest import part_rng
from bundles.common.phantom.lungs import Fissures, draw_fissures
from bundles.common.phantom.recipe import PhantomRecipe
from bundles.common.phantom.study import make_study
from transforms.lung_region import LungRegion
from transforms.lungs import find_lungs

NAMES = ("lower", "upper", "middle")
PLACES = 3000


def told(seed: int, index: int, recipe: PhantomRecipe, shapes: Any) -> Counter[tuple[str, ...]]:
    """Make one study and count (kind of place, true lobe, said) in it."""
    study = make_study(recipe, shapes, seed, index)
    body = draw_anatomy(recipe.anatomy, part_rng(seed, index, "anatomy"))
    fissures = draw_fissures(body, part_rng(seed, index, "fissures"))
    lungs = find_lungs(study.hu, study.geometry)
    if lungs is None or study.acquisition is None:
        raise ValueError(f"study {index} of seed {seed} shows no lungs")
    nodules = np.array([nodule.center_lps_mm for nodule in study.nodules]).reshape(-1, 3)
    rng = np.random.default_rng(index)
    return count(lungs, fissures, np.array(study.acquisition.frame_lps_mm), nodules, rng)


def count(
    lungs: LungRegion,
    fissures: Fissures,
    frame_lps_mm: NDArray[np.float64],
    nodules_lps_mm: NDArray[np.float64],
    rng: np.random.Generator,
) -> Counter[tuple[str, ...]]:
    """Count over places drawn from the lungs and over the nodules."""
    inside = lungs.geometry.index_to_lps(np.argwhere(lungs.aerated))
    extents = lung_extents(lungs)
    middle = (inside[:, 0].min() + inside[:, 0].max()) / 2.0
    counts: Counter[tuple[str, ...]] = Counter()
    places = {"lung": rng.choice(inside, PLACES, replace=False), "nodule": nodules_lps_mm}
    for kind, points in places.items():
        for point, true in zip(points, fissures.lobe(points - frame_lps_mm), strict=True):
            said = lobe(extents, "left" if point[0] > middle else "right", point)
            counts[kind, NAMES[true], said or "nothing"] += 1
    return counts


@click.command()
@click.option("--seed", default=777, show_default=True)
@click.option("--first", default=20, show_default=True, help="Index of the first study.")
@click.option("--studies", default=20, show_default=True)
def main(seed: int, first: int, studies: int) -> None:
    """Make the studies one by one and print the counts."""
    recipe = PhantomRecipe.load(None)
    shapes = load_shapes("validation", min_readers=recipe.nodules.min_readers)
    total: Counter[tuple[str, ...]] = Counter()
    for index in range(first, first + studies):
        total += told(seed, index, recipe, shapes)
    for kind in ("lung", "nodule"):
        rows = {key[1:]: count for key, count in total.items() if key[0] == kind}
        said = {key: count for key, count in rows.items() if key[1] != "nothing"}
        right = sum(count for (true, answer), count in said.items() if true == answer)
        everything, spoken = sum(rows.values()), sum(said.values())
        click.echo(f"{kind}: {everything} places, told {spoken}, rightly {right}; {rows}")


if __name__ == "__main__":
    main()
