"""Benign findings: what a detector may mistake for a nodule, each with its name and place.

Which of them are nodules follows LIDC-IDRI's reading rule (Armato et al., Med Phys 38, 2011): a
nodule is any focal opacity of 3 to 30 mm "regardless of presumed histology". So calcified
granulomas and perifissural nodes of that size are nodules and come with them, from the readers'
outlines (see nodules.py). What is smaller was marked without an outline or, where calcified and
thus clearly benign, not at all: such spots are labelled as not to be judged. Plaques, bands,
scars and filled airways are flat or long, no nodules by that rule, and stay background. So do
infiltrates and diseased airways, which are put in later (see infiltrates.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field
from nodulus.app.data.phantom.signed_distances import tilted_axes
from nodulus.app.data.phantom.solids import Solid
from nodulus.app.data.phantom.vessels import Tubes

FloatArray = NDArray[np.float64]


class PhantomLesionKind(str, Enum):
    """What a finding is."""

    PLAQUE = "pleural plaque"
    APICAL_CAP = "apical cap"
    BAND = "band atelectasis"
    SCAR = "scar"
    MUCUS = "filled airway"
    MICRONODULE = "micronodule"
    GROUND_GLASS = "ground glass"
    CONSOLIDATION = "consolidation"
    CRAZY_PAVING = "crazy paving"
    REVERSED_HALO = "reversed halo"
    ATELECTASIS = "dependent atelectasis"
    TREE_IN_BUD = "tree-in-bud"
    BRONCHIECTASIS = "bronchiectasis"


@dataclass(frozen=True)
class Lesion:
    """A finding that is no nodule of 3 mm or more.

    Args:
        kind: what it is.
        center_xyz: where a reader would point, mm; of the anatomy in a chest, LPS in a study.
        size_mm: its largest extent.
    """

    kind: PhantomLesionKind
    center_xyz: tuple[float, float, float]
    size_mm: float

    @property
    def ignored(self) -> bool:
        """Whether no one should be judged by it."""
        return self.kind is PhantomLesionKind.MICRONODULE


def make_lesions(
    body: Anatomy, grid: CoarseGrid, lungs: Field, rng: np.random.Generator
) -> tuple[list[Solid], list[Lesion]]:
    """Draw plaques, apical caps, bands and micronodules."""
    solids: list[Solid] = []
    lesions: list[Lesion] = []
    along_z, along_y, along_x = np.gradient(lungs)
    normals = np.stack([along_x, along_y, along_z], axis=-1)
    edge = np.argwhere((lungs < 0) & (lungs > -grid.step_mm))
    points = _points(grid, edge)
    outwards = normals[tuple(edge.T)].astype(np.float64)
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-6)
    costal = (outwards @ [0.0, 0.0, 1.0] < 0.4) & (np.abs(points[:, 0]) > 0.5 * body.half_width)
    top = points[:, 2] > body.apex_z - 22.0 * body.scale
    for kind, count, where in (
        (PhantomLesionKind.PLAQUE, body.plaques, costal & ~top),
        (PhantomLesionKind.APICAL_CAP, body.apical_caps, top),
    ):
        places = np.flatnonzero(where)
        if not len(places):
            continue
        hard = kind is PhantomLesionKind.PLAQUE and rng.random() < 0.35
        for place in rng.choice(places, count):
            made = _plaque(points[place], outwards[place], hard, rng)
            solids += made
            size = 2.0 * max(max(s.radii_mm) for s in made)
            inner = points[place] - outwards[place] * made[0].radii_mm[0]
            lesions.append(_lesion(kind, inner, size))
    deep = np.argwhere(lungs < -4.0)
    for point in _points(grid, deep[rng.choice(len(deep), body.micronodules)]):
        radius = float(rng.uniform(0.7, 1.3))
        hu = float(rng.uniform(200, 700) if rng.random() < 0.4 else rng.uniform(0, 60))
        radii = tuple(float(radius * rng.uniform(0.8, 1.2)) for _ in range(3))
        solids.append(Solid(point, (radii[0], radii[1], radii[2]), np.eye(3), hu))
        lesions.append(_lesion(PhantomLesionKind.MICRONODULE, point, 2.0 * radius))
    low = np.argwhere((lungs < -4.0) & (lungs > -30.0))
    low = low[_points(grid, low)[:, 2] < body.dome_right_z + 30.0]
    if len(low):
        for point in _points(grid, low[rng.choice(len(low), body.bands)]):
            band = _band(point, rng)
            solids.append(band)
            lesions.append(_lesion(PhantomLesionKind.BAND, point, 2.0 * max(band.radii_mm)))
    return solids, lesions


def _plaque(
    point: FloatArray, outwards: FloatArray, hard: bool, rng: np.random.Generator
) -> list[Solid]:
    """A few flat ellipsoids on the pleura, wider than thick by far; some with chalk in them."""
    axes = tilted_axes(outwards).astype(np.float64)
    made = []
    for _ in range(int(rng.integers(2, 5))):
        thick = float(rng.uniform(1.2, 3.2))
        wide = [float(np.clip(thick * rng.uniform(4.0, 8.0), 8.0, 20.0)) for _ in range(2)]
        shift = axes[1] * rng.normal(0, 5) + axes[2] * rng.normal(0, 5)
        at = point + shift + outwards * 0.3 * thick
        radii = (thick, wide[0], wide[1])
        made.append(Solid(at, radii, axes, float(rng.uniform(20, 70)), 1.0, True))
        if hard and rng.random() < 0.7:
            core = (0.45 * thick, 0.6 * wide[0], 0.6 * wide[1])
            hu = float(rng.uniform(300, 700))
            made.append(Solid(at + outwards * 0.2 * thick, core, axes, hu, 1.0, True))
    # Chalk before flesh, which would otherwise have taken the lung's place already.
    return sorted(made, key=lambda s: -s.hu)


def _band(point: FloatArray, rng: np.random.Generator) -> Solid:
    """A thin plate, more or less level."""
    normal = np.array([rng.normal(0, 0.35), rng.normal(0, 0.35), 1.0])
    radii = (
        float(rng.uniform(0.5, 1.3)),
        float(rng.uniform(10, 26)),
        float(rng.uniform(5, 14)),
    )
    axes = tilted_axes(normal).astype(np.float64)
    turn = float(rng.uniform(0, np.pi))
    first = np.cos(turn) * axes[1] + np.sin(turn) * axes[2]
    axes = np.stack([axes[0], first, np.cross(axes[0], first)])
    return Solid(point, radii, axes, float(rng.uniform(-80, 40)), float(rng.uniform(0.6, 1.0)))


def fill_airways(
    lumina: Tubes, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], list[Lesion]]:
    """Choose stretches of small airways that mucus fills.

    Returns:
        Which pieces are filled, and the findings.
    """
    small = (lumina.start_radius_mm > 0.8) & (lumina.start_radius_mm < 2.2)
    filled = np.zeros(len(small), dtype=bool)
    lesions = []
    places = np.flatnonzero(small)
    if len(places):
        middle = 0.5 * (lumina.start_xyz + lumina.end_xyz)
        for place in rng.choice(places, count):
            reach = float(rng.uniform(5.0, 12.0))
            gap = np.linalg.norm(middle - middle[place], axis=1)
            filled |= small & (gap < reach)
            lesions.append(_lesion(PhantomLesionKind.MUCUS, middle[place], 2.0 * reach))
    return filled, lesions


def _points(grid: CoarseGrid, index: NDArray[np.int64]) -> FloatArray:
    low = np.array([grid.z_mm[0], grid.y_mm[0], grid.x_mm[0]], dtype=np.float64)
    return np.asarray((index * grid.step_mm + low)[:, ::-1])


def _lesion(kind: PhantomLesionKind, point: FloatArray, size_mm: float) -> Lesion:
    x, y, z = (round(float(v), 2) for v in point)
    return Lesion(kind, (x, y, z), round(float(size_mm), 1))
