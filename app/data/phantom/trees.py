"""Branching trees that fill a lung.

A tree connects the points that it must supply one by one, each to that place of the tree where
the new piece plus a share of the way from there to the root is shortest (Cuntz, Forstner, Borst
and Hausser, PLoS Comput Biol 6(8), 2010, for dendrites). The share decides between thrift (few
long detours) and straight ways from the root to the periphery, as pulmonary vessels take them;
it is larger for the stems, which join first, than for the twigs between them. Then each branching
is drawn towards the line between its neighbours, and a branch's radius follows Murray's law from
the number of points that it feeds: cubes of radii add up (Murray, PNAS 12(3), 1926). Diameters of
human pulmonary arteries grow 1.56 times an order, their numbers fall 3.4 times (Huang et al., J
Appl Physiol 81(5), 1996), which gives an exponent of 2.7; trunks of 3 are nearer to what CT shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MURRAY_EXPONENT = 3.0
TRUNK_SHARE, TRUNK_MM = 0.35, 26.0
STEM_SHARE = 0.3
STEM_ROOT_SHARE = 0.4
TWIG_ROOT_SHARE = 0.12
SMOOTHING_STEPS = 5


@dataclass(frozen=True, eq=False)
class Tree:
    """Branches as straight pieces; a piece comes after its parent.

    Args:
        start_xyz: shape (n, 3), anatomy mm.
        end_xyz: shape (n, 3).
        parent: shape (n,), index of the piece before, -1 for a root.
        ends: shape (n,), number of points that the piece feeds.
    """

    start_xyz: FloatArray
    end_xyz: FloatArray
    parent: IntArray
    ends: IntArray

    def radii(self, end_radius_mm: float) -> FloatArray:
        """Radius of each piece by Murray's law, mm."""
        return np.asarray(end_radius_mm * self.ends ** (1.0 / MURRAY_EXPONENT))


def grow_tree(root_xyz: FloatArray, targets: list[FloatArray]) -> Tree:
    """Grow a tree from a root to groups of points; each group (a lobe) has its own trunk.

    Points without a branch beyond them are reached exactly, the others approximately.

    Args:
        root_xyz: shape (3,).
        targets: arrays of shape (n, 3).
    """
    root = np.asarray(root_xyz, dtype=np.float64)
    parts, first = [], 0
    for points in targets:
        if len(points) == 0:
            continue
        way = points.mean(axis=0) - root
        trunk = root + way * min(TRUNK_SHARE, TRUNK_MM / max(float(np.linalg.norm(way)), 1e-6))
        nodes, parent = _connect(trunk, points)
        nodes = np.concatenate([root[None, :], nodes])
        parent = np.concatenate([[-1], parent + 1])
        part = _as_pieces(_smoothed(nodes, parent), parent)
        shifted = np.where(part.parent >= 0, part.parent + first, -1)
        parts.append(Tree(part.start_xyz, part.end_xyz, shifted, part.ends))
        first += len(shifted)
    if not parts:
        empty = np.zeros((0, 3))
        return Tree(empty, empty, np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Tree(
        np.concatenate([p.start_xyz for p in parts]),
        np.concatenate([p.end_xyz for p in parts]),
        np.concatenate([p.parent for p in parts]),
        np.concatenate([p.ends for p in parts]),
    )


def _connect(root: FloatArray, points: FloatArray) -> tuple[FloatArray, IntArray]:
    """Order the points as they join the tree; node 0 is its root, whose parent is -1."""
    nodes, parent, way = root[None, :], np.array([-1]), np.zeros(1)
    first = int(np.ceil(STEM_SHARE * len(points)))
    for group, share in ((points[:first], STEM_ROOT_SHARE), (points[first:], TWIG_ROOT_SHARE)):
        nodes, parent, way = _joined(nodes, parent, way, group, share)
    return nodes, parent


def _joined(
    nodes: FloatArray, parent: IntArray, way: FloatArray, points: FloatArray, share: float
) -> tuple[FloatArray, IntArray, FloatArray]:
    """A tree with more points; ``way`` is the length from the root to each node."""
    known, count = len(nodes), len(points)
    nodes = np.concatenate([nodes, np.zeros((count, 3))])
    parent = np.concatenate([parent, np.zeros(count, np.int64)])
    way = np.concatenate([way, np.zeros(count)])
    cost, gap, nearest = np.full(count, np.inf), np.zeros(count), np.zeros(count, np.int64)
    free = np.ones(count, dtype=bool)
    for number in range(known + count):
        if number >= known:
            new = int(np.argmin(np.where(free, cost, np.inf)))
            free[new] = False
            nodes[number], parent[number] = points[new], nearest[new]
            way[number] = way[nearest[new]] + gap[new]
        distance = np.sqrt(((points - nodes[number]) ** 2).sum(axis=1))
        through = distance + share * way[number]
        closer = through < cost
        cost[closer], nearest[closer], gap[closer] = through[closer], number, distance[closer]
    return nodes, parent, way


def _sizes(parent: IntArray) -> IntArray:
    """How many nodes hang on each, itself included."""
    size = np.ones(len(parent), np.int64)
    for node in range(len(parent) - 1, 0, -1):
        size[parent[node]] += size[node]
    return size


def _smoothed(nodes: FloatArray, parent: IntArray) -> FloatArray:
    """Branchings drawn to the mean of the node before and of those after, by their size."""
    size = _sizes(parent)
    load = size.astype(np.float64) ** (2.0 / MURRAY_EXPONENT)
    inner = np.zeros(len(nodes))
    np.add.at(inner, parent[1:], load[1:])
    moves = (inner > 0) & (np.arange(len(nodes)) > 0)
    result = nodes.copy()
    for _ in range(SMOOTHING_STEPS):
        after = np.zeros_like(result)
        np.add.at(after, parent[1:], load[1:, None] * result[1:])
        after[moves] /= inner[moves, None]
        middle = 0.5 * (result[parent] + after)
        result[moves] += 0.5 * (middle[moves] - result[moves])
    return result


def _as_pieces(nodes: FloatArray, parent: IntArray) -> Tree:
    return Tree(nodes[parent[1:]], nodes[1:], parent[1:] - 1, _sizes(parent)[1:])


def bend(
    tree: Tree, rng: np.random.Generator, piece_mm: float = 6.0
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Cut long branches into gently curved pieces.

    Returns:
        Starts and ends, shape (m, 3), and for each the index of its branch, shape (m,).
    """
    axis = tree.end_xyz - tree.start_xyz
    length = np.linalg.norm(axis, axis=1)
    pieces = np.clip(np.ceil(length / piece_mm).astype(int), 1, 6)
    side = np.cross(axis, rng.standard_normal(axis.shape))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    amplitude = length * rng.uniform(0.02, 0.09, len(length))
    branch = np.repeat(np.arange(len(pieces)), pieces)
    step = np.arange(len(branch)) - np.repeat(np.cumsum(pieces) - pieces, pieces)

    def at(t: FloatArray) -> FloatArray:
        straight = tree.start_xyz[branch] + t[:, None] * axis[branch]
        return np.asarray(
            straight + (amplitude[branch] * np.sin(np.pi * t))[:, None] * side[branch]
        )

    return at(step / pieces[branch]), at((step + 1) / pieces[branch]), branch
