"""Pulmonary arteries and veins, and the airways that run beside the arteries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field
from nodulus.app.data.phantom.lung_anatomy import Fissures
from nodulus.app.data.phantom.mediastinum import hilum_xyz, vein_xyz
from nodulus.app.data.phantom.trees import Tree, bend, grow_tree

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tubes:
    """Pieces of tube, anatomy mm; all arrays have n rows.

    Args:
        start_xyz: shape (n, 3); likewise end_xyz.
        start_radius_mm: shape (n,); likewise end_radius_mm.
    """

    start_xyz: FloatArray
    end_xyz: FloatArray
    start_radius_mm: FloatArray
    end_radius_mm: FloatArray

    @staticmethod
    def joined(parts: list[Tubes]) -> Tubes:
        """All pieces of several."""
        return Tubes(
            np.concatenate([p.start_xyz for p in parts]),
            np.concatenate([p.end_xyz for p in parts]),
            np.concatenate([p.start_radius_mm for p in parts]),
            np.concatenate([p.end_radius_mm for p in parts]),
        )


def draw_lung_points(
    grid: CoarseGrid,
    lungs: Field,
    side: int,
    count: int,
    margin_mm: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Points spread through one lung, ``margin_mm`` or more inside the pleura; shape (n, 3)."""
    inside = np.argwhere((lungs < -margin_mm) & (grid.x_mm * side > 0)[None, None, :])
    if len(inside) == 0:
        return np.zeros((0, 3))
    # One point in each of many small cells is more even than independent points.
    chosen = inside[rng.choice(len(inside), min(len(inside), 2 * count), replace=False)]
    cell_mm = (len(inside) * grid.step_mm**3 / count) ** (1 / 3) * 0.85
    cells = np.floor(chosen * grid.step_mm / cell_mm).astype(int)
    _, first = np.unique(cells, axis=0, return_index=True)
    chosen = chosen[np.sort(first)][:count]
    jitter = rng.uniform(-0.5, 0.5, chosen.shape)
    low = np.array([grid.z_mm[0], grid.y_mm[0], grid.x_mm[0]])
    return np.asarray(((chosen + jitter) * grid.step_mm + low)[:, ::-1])


def grow_lung_tree(
    body: Anatomy,
    grid: CoarseGrid,
    lungs: Field,
    fissures: Fissures,
    side: int,
    root_xyz: FloatArray,
    rng: np.random.Generator,
) -> Tree:
    """A tree from a root at the hilum to ends all over one lung, no branch across a fissure."""
    points = draw_lung_points(grid, lungs, side, body.vessel_ends, 3.0, rng)
    lobes = fissures.lobe(points)
    return grow_tree(root_xyz, [points[lobes == n] for n in range(3)])


def tree_tubes(tree: Tree, end_radius_mm: float, cap_mm: float, rng: np.random.Generator) -> Tubes:
    """A tree's branches as curved, tapering tubes."""
    radii = np.minimum(tree.radii(end_radius_mm), cap_mm)
    radii = radii * rng.uniform(0.88, 1.12, len(radii))
    start, end, branch = bend(tree, rng)
    return Tubes(start, end, radii[branch] * 1.04, radii[branch] * 0.94)


def make_veins(
    body: Anatomy, grid: CoarseGrid, lungs: Field, fissures: Fissures, rng: np.random.Generator
) -> Tubes:
    """The veins of both lungs: on each side one tree for the lower lobe, one for all above it.

    Each goes on where the mediastinum's trunk from the left atrium ends: no trunk ends in the lung.
    """
    parts = []
    for side in (-1, 1):
        points = draw_lung_points(grid, lungs, side, body.vessel_ends, 3.0, rng)
        lobes = fissures.lobe(points)
        for numbers in ((1, 2), (0,)):
            root = vein_xyz(body, side, numbers == (0,))
            tree = grow_tree(root, [points[lobes == n] for n in numbers])
            parts.append(tree_tubes(tree, body.vessel_end_radius * 0.95, 6.5, rng))
    return Tubes.joined(parts)


def make_arteries_and_airways(
    body: Anatomy, grid: CoarseGrid, lungs: Field, fissures: Fissures, rng: np.random.Generator
) -> tuple[Tubes, Tubes]:
    """The arteries of both lungs, and the lumina of the airways beside them."""
    arteries, airways = [], []
    for side in (-1, 1):
        root = hilum_xyz(body, side)
        tree = grow_lung_tree(body, grid, lungs, fissures, side, root, rng)
        arteries.append(tree_tubes(tree, body.vessel_end_radius, 7.5, rng))
        airways.append(_airways_beside(body, tree, grid, lungs, side, rng))
    airways.append(_central_airways(body))
    return Tubes.joined(arteries), Tubes.joined(airways)


def wall_mm(lumen_radius_mm: FloatArray) -> FloatArray:
    """Thickness of an airway's wall by the radius of its lumen."""
    return np.asarray(0.28 + 0.12 * lumen_radius_mm)


def bronchus_xyz(body: Anatomy, side: int) -> FloatArray:
    """Where the main bronchus ends at the hilum."""
    return np.asarray(hilum_xyz(body, side) + np.array([-6.0 * side, 6.0, -9.0]) * body.scale)


def _airways_beside(
    body: Anatomy,
    tree: Tree,
    grid: CoarseGrid,
    lungs: Field,
    side: int,
    rng: np.random.Generator,
) -> Tubes:
    artery = np.minimum(tree.radii(body.vessel_end_radius), 7.5)
    # Large airways are as wide as their artery, small ones narrower.
    lumen = artery * (rng.uniform(0.6, 0.78, len(artery)) + 0.25 * np.clip(artery / 4.5, 0, 1))
    axis = tree.end_xyz - tree.start_xyz
    # The bronchus keeps to one side of its artery: the offset runs across the branch's direction
    # towards a vector that drifts slowly along the tree.
    drift = np.cross(axis, np.array([0.25 * side, 1.0, 0.3]))
    drift /= np.maximum(np.linalg.norm(drift, axis=1, keepdims=True), 1e-9)
    shift = drift * (artery + lumen + wall_mm(lumen) + 0.2)[:, None]
    ends = tree.end_xyz + shift
    starts = np.where(
        (tree.parent >= 0)[:, None], ends[tree.parent], bronchus_xyz(body, side)[None, :]
    )
    # None runs through the heart: beyond the hilum both ends lie in the lung.
    inside = (grid.sample(lungs, starts) < 1.0) & (grid.sample(lungs, ends) < 1.0)
    inside |= np.linalg.norm(starts - bronchus_xyz(body, side), axis=1) < 6.0
    kept = np.nonzero((lumen > 0.75) & inside)[0]
    start_radius = np.where(tree.parent >= 0, np.minimum(lumen[tree.parent], lumen * 1.25), lumen)
    moved = Tree(starts[kept], ends[kept], tree.parent[kept], tree.ends[kept])
    start, end, branch = bend(moved, rng)
    first, last = start_radius[kept][branch] * 0.97, lumen[kept][branch]
    return Tubes(start, end, first, last)


def _central_airways(body: Anatomy) -> Tubes:
    s = body.scale
    carina = np.array([-2.0 * s, body.spine_y - 32.0 * s * body.depth_factor, 0.0])
    top = np.array([0.0, body.spine_y - 30.0 * s, body.apex_z + 40.0])
    middle = np.array([2.0 * s, body.spine_y - 34.0 * s * body.depth_factor, 45.0 * s])
    starts, ends = [top, middle], [middle, carina]
    first, last = [8.5 * s, 8.5 * s], [8.5 * s, 8.8 * s]
    for side, radius in ((-1, 7.0 * s), (1, 6.0 * s)):
        starts.append(carina)
        ends.append(bronchus_xyz(body, side))
        first.append(radius)
        last.append(radius * 0.85)
    return Tubes(np.array(starts), np.array(ends), np.array(first), np.array(last))
