"""Candidates as LUNA16 lists them: nodules, and what may be mistaken for one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nodulus.app.data.phantom.chest import Chest
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float64]
CLEAR_OF_NODULES_MM = 5.0


@dataclass(frozen=True)
class PhantomCandidate:
    """A point with its class: 1 for a nodule, 0 for anything else."""

    center_lps_mm: tuple[float, float, float]
    label: int


def confusers_in_chest(chest: Chest, count: int, rng: np.random.Generator) -> FloatArray:
    """Points in a synthetic chest, anatomy mm, shape (about 3 * count, 3), shuffled.

    Half lie on vessels (thick ones and their branchings first of all), a third at the pleura and
    the ribs behind it, the rest on fissures.
    """
    tubes = chest.vessels
    middle = 0.5 * (tubes.start_xyz + tubes.end_xyz)
    inside = chest.grid.sample(chest.lungs, middle) < -1.0
    weight = np.where(inside, np.clip(tubes.start_radius_mm, 0.4, 4.0), 0.0)
    pick = rng.choice(len(middle), int(1.5 * count), p=weight / weight.sum())
    branching = rng.random(len(pick)) < 0.4
    on_vessels = np.where(branching[:, None], tubes.start_xyz[pick], middle[pick])
    low = np.array([chest.grid.z_mm[0], chest.grid.y_mm[0], chest.grid.x_mm[0]])
    edge = np.argwhere((chest.lungs < 0) & (chest.lungs > -3.0))
    chosen_edge = edge[rng.choice(len(edge), count)] + rng.uniform(-0.5, 0.5, (count, 3))
    at_pleura = (chosen_edge * chest.grid.step_mm + low)[:, ::-1]
    deep = np.argwhere(chest.lungs < -8.0)
    deep_xyz = (deep[rng.choice(len(deep), count // 2)] * chest.grid.step_mm + low)[:, ::-1]
    sheet = np.where(deep_xyz[:, 0] < 0, 0, 1)
    for which in (0, 1):
        chosen = deep_xyz[sheet == which]
        deep_xyz[sheet == which, 2] = chest.fissures.surface(which, chosen[:, 0], chosen[:, 1])
    deep_xyz = deep_xyz[chest.grid.sample(chest.lungs, deep_xyz) < -2.0]
    points = np.concatenate([on_vessels, at_pleura, deep_xyz])
    return np.asarray(rng.permutation(points))


def confusers_in_volume(
    hu: NDArray[np.int16],
    lung_mask: NDArray[np.bool_],
    geometry: Geometry,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Points in a real lung, LPS mm: bright voxels (vessels, walls) and points of its border."""
    step = tuple(slice(None, None, max(1, round(1.5 / s))) for s in geometry.spacing_irc_mm)
    stride = np.array([s.step for s in step])
    mask, thin = lung_mask[step], hu[step]
    bright = np.argwhere(mask & (thin > -550))
    dark = np.argwhere(mask & (thin < -700))
    parts = [
        found[rng.choice(len(found), min(2 * count, len(found)), replace=False)] * stride
        for found in (bright, dark[:: max(1, len(dark) // (4 * count))])
        if len(found)
    ]
    if not parts:
        return np.zeros((0, 3))
    share = [parts[0], *[p[: count // 4] for p in parts[1:]]]
    return np.asarray(rng.permutation(geometry.index_to_lps(np.concatenate(share))))


def make_candidates(
    geometry: Geometry,
    labels: NDArray[np.uint8],
    nodule_centers_lps_mm: list[tuple[float, float, float]],
    confusers_lps_mm: FloatArray,
    count: int,
    rng: np.random.Generator,
) -> list[PhantomCandidate]:
    """Every nodule once, moved by up to a millimetre and a half, and ``count`` of the confusers.

    Confusers within five millimetres of a labelled voxel, or outside of the volume, are dropped.
    """
    result = [
        PhantomCandidate(_point(np.array(c) + rng.uniform(-1.0, 1.0, 3)), 1)
        for c in nodule_centers_lps_mm
    ]
    points = confusers_lps_mm[geometry.contains(geometry.lps_to_index(confusers_lps_mm))]
    index = np.argwhere(labels > 0)
    if len(index) and len(points):
        tree = cKDTree(geometry.index_to_lps(index))
        far = tree.query(points, distance_upper_bound=CLEAR_OF_NODULES_MM + 3.0)[0]
        points = points[far > CLEAR_OF_NODULES_MM + 0.5]
    result += [PhantomCandidate(_point(p), 0) for p in points[:count]]
    return result


def _point(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 4) for v in values)
    return x, y, z
