"""Changes of small airways: plugs of mucus, tree-in-bud, bronchiectasis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.infiltrate_form import tube_share
from nodulus.app.data.phantom.lesions import PhantomLesionKind

FloatArray = NDArray[np.float32]
Points = NDArray[np.float64]

AIRWAY_KINDS = (
    PhantomLesionKind.MUCUS,
    PhantomLesionKind.TREE_IN_BUD,
    PhantomLesionKind.BRONCHIECTASIS,
)


@dataclass(frozen=True, eq=False)
class Strokes:
    """Short pieces of tube around a point.

    Args:
        kind: what they are together.
        center_lps_mm: the point.
        starts_mm: shape (n, 3), offsets from it along the axes of the volume; likewise ends_mm.
        radii_mm: shape (n,).
        lumen_mm: radius of the air inside each, shape (n,); 0 for none.
        fill: share of the air that they replace.
    """

    kind: PhantomLesionKind
    center_lps_mm: Points
    starts_mm: Points
    ends_mm: Points
    tube_radii_mm: Points
    lumen_mm: Points
    fill: float

    @property
    def reach_mm(self) -> float:
        """How far from the middle they go."""
        ends = np.concatenate([self.starts_mm, self.ends_mm])
        return float(np.linalg.norm(ends, axis=1).max() + self.tube_radii_mm.max()) + 1.0

    @property
    def radii_mm(self) -> tuple[float, ...]:
        """Half-width of the whole."""
        return (self.reach_mm - 1.0,)


def draw_strokes(
    kind: PhantomLesionKind, center_lps_mm: Points, rng: np.random.Generator
) -> Strokes:
    """Draw the pieces of one change of the airways.

    A plug is a tube that may branch like a finger in a glove; tree-in-bud is many twigs with
    buds of 1.5 to 3 mm; a widened airway has a wall, air in it and its artery beside it.
    """
    pieces: list[tuple[Points, Points, float, float]] = []
    along = _unit(rng.standard_normal(3))
    if kind is PhantomLesionKind.MUCUS:
        wide, length = float(rng.uniform(1.2, 3.2)), float(rng.uniform(5.0, 14.0))
        fork = 0.5 * length * along
        pieces.append((-fork, fork, wide, 0.0))
        for _ in range(int(rng.integers(0, 3))):
            tip = fork + _unit(along + rng.normal(0, 0.5, 3)) * length * rng.uniform(0.4, 0.9)
            pieces.append((fork, tip, 0.8 * wide, 0.0))
    elif kind is PhantomLesionKind.TREE_IN_BUD:
        extent = float(rng.uniform(5.0, 13.0))
        for _ in range(int(rng.integers(6, 28))):
            twig = rng.normal(0, 0.5 * extent, 3)
            tip = twig + _unit(rng.standard_normal(3)) * rng.uniform(2.0, 4.0)
            bud = float(rng.uniform(0.75, 1.5))
            pieces += [(twig, tip, 0.45, 0.0), (tip, tip + 0.2 * bud, bud, 0.0)]
    else:
        length, lumen = float(rng.uniform(10.0, 22.0)), float(rng.uniform(1.8, 4.5))
        wall = float(rng.uniform(0.7, 1.6))
        across = _unit(np.cross(along, rng.standard_normal(3)))
        artery = float(rng.uniform(0.9, 1.8))
        beside = across * (lumen + wall + artery)
        bend = across * rng.normal(0, 0.15) * length
        for a, b in ((-0.5 * length * along, bend), (bend, 0.5 * length * along)):
            pieces.append((a, b, lumen + wall, lumen))
            pieces.append((a + beside, b + beside, artery, 0.0))
    starts, ends, radii, lumina = (np.array(column) for column in zip(*pieces, strict=True))
    return Strokes(kind, center_lps_mm, starts, ends, radii, lumina, float(rng.uniform(0.75, 1.0)))


def painted_share(
    strokes: Strokes, offset_mm: FloatArray, spacing_mm: tuple[float, float, float]
) -> tuple[FloatArray, FloatArray]:
    """Share of the air that they replace, and how much of each voxel is air inside of them.

    Args:
        strokes: the pieces.
        offset_mm: of the voxels from their middle, shape (I, R, C, 3).
        spacing_mm: of the voxels.
    """
    share, air = (np.zeros(offset_mm.shape[:-1], dtype=np.float32) for _ in range(2))
    for start, end, radius, lumen in zip(
        strokes.starts_mm, strokes.ends_mm, strokes.tube_radii_mm, strokes.lumen_mm, strict=True
    ):
        tube = tube_share(offset_mm, start, end, float(radius), spacing_mm)
        np.maximum(share, strokes.fill * tube, out=share)
        if lumen > 0:
            inner = tube_share(offset_mm, start, end, float(lumen), spacing_mm)
            np.maximum(air, inner, out=air)
    return share * (1.0 - air), air


def _unit(vector: Points) -> Points:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
