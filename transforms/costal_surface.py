"""What a mass or a consolidated lobe hides of a lung, by the surface that the ribs give it.

From the middle of the chest rays go out in each axial slice. Where each last leaves the lung is
its costal surface, which is smooth, alike on both sides, and covered with aerated lung everywhere
in a healthy chest but for the heart and the diaphragm. Lung that is missed there is looked for
(after the idea of Mansoor et al., IEEE Trans. Med. Imaging 33:2293-2310, 2014, that the rib cage
tells how much lung there should be).

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.ball_morphology import BoolArray, bounding_box
from nodulus.transforms.lung_sides import LEFT, RIGHT

RAYS = 90
"""From straight ahead to straight back on each side, 2 degrees apart."""
ANGLES = (np.arange(RAYS) + 0.5) * (180.0 / RAYS)

FloatMap = NDArray[np.float32]
BoolMap = NDArray[np.bool_]


@dataclass(frozen=True)
class CostalRule:
    """Lengths, angles (0 straight ahead, 180 straight back) and shares of hidden lung.

    Fitted by eye on real scans and on masses drawn into them; docs/results.md has what they give.

    Args:
        pit_width_mm: the widest pit of the costal surface.
        pit_depth_mm: the shallowest.
        smallest_pit_mm: the narrowest.
        pit_angles: where pits are looked for.
        innermost_share: of the way to the ribs, where the hidden part of a pit begins.
        missed_depth_mm: a lung that ends so much before the other one misses lung.
        missed_share: the same, of the other's length.
        smallest_missed_mm: the width of what is missed.
        missed_angles: where it is looked for.
        heart_angle: up to which the heart lies on the left.
        heart_top: up to which share of the lungs' height it does.
        behind_angle: up to which lung at the wall tells that the diaphragm does not stand higher.
        wall_share: of the other lung's length, from which on lung is at the wall.
        wall_angles: where the sides' widths are compared.
        ratios: of these widths, that are taken for true.
        alike_over_mm: the height over which they are compared.
    """

    pit_width_mm: float
    pit_depth_mm: float
    smallest_pit_mm: float
    pit_angles: tuple[float, float]
    innermost_share: float
    missed_depth_mm: float
    missed_share: float
    smallest_missed_mm: float
    missed_angles: tuple[float, float]
    heart_angle: float
    heart_top: float
    behind_angle: float
    wall_share: float
    wall_angles: tuple[float, float]
    ratios: tuple[float, float]
    alike_over_mm: float


@dataclass(frozen=True, eq=False)
class _Polar:
    """Where each voxel lies as seen from the middle of the chest.

    Args:
        radius_mm: shape (Z, Y, X).
        ray: which ray of its side the voxel is nearest to, shape (Z, Y, X).
        half: whether it lies on this side of the mid-plane, shape (Z, 1, X).
        arc_mm: between neighbouring rays at the costal surface.
        slice_mm: between slices.
    """

    radius_mm: FloatMap
    ray: NDArray[np.int16]
    half: BoolArray
    arc_mm: float
    slice_mm: float

    def outermost(self, mask: BoolArray) -> FloatMap:
        """How far out each ray of each slice meets the mask, mm; 0 where it does not."""
        result = np.zeros((len(mask), RAYS), np.float32)
        np.maximum.at(result, (np.nonzero(mask)[0], self.ray[mask]), self.radius_mm[mask])
        return result

    def innermost(self, mask: BoolArray) -> FloatMap:
        """How far out each ray first meets the mask; infinite where it does not."""
        result = np.full((len(mask), RAYS), np.inf, np.float32)
        np.minimum.at(result, (np.nonzero(mask)[0], self.ray[mask]), self.radius_mm[mask])
        return result

    def between(self, low: FloatMap, high: FloatMap, rays: BoolMap) -> BoolArray:
        """The voxels of the chosen rays beyond ``low`` up to ``high``."""
        result = np.zeros(self.radius_mm.shape, bool)
        low = np.where(rays, low, np.inf).astype(np.float32)
        for z in np.flatnonzero(rays.any(axis=1)):
            radius, ray = self.radius_mm[z], self.ray[z]
            result[z] = (radius > low[z][ray]) & (radius <= high[z][ray]) & self.half[z]
        return result

    def cells(self, width_mm: float) -> tuple[int, int]:
        """How many slices and rays, odd numbers, a length along the costal surface is."""
        return 2 * round(width_mm / 2 / self.slice_mm) + 1, 2 * round(
            width_mm / 2 / self.arc_mm
        ) + 1

    def ellipse(self, width_mm: float) -> BoolMap:
        """A disc on the costal surface as a footprint on maps (slice, ray)."""
        half = max(1.0, width_mm / 2 / self.slice_mm), max(1.0, width_mm / 2 / self.arc_mm)
        z, ray = np.mgrid[-int(half[0]) : int(half[0]) + 1, -int(half[1]) : int(half[1]) + 1]
        return np.asarray((z / half[0]) ** 2 + (ray / half[1]) ** 2 <= 1.0)


def hidden_lung(
    sides: NDArray[np.uint8],
    closed: dict[int, BoolArray],
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
    rule: CostalRule,
) -> BoolArray:
    """Where lung should be along the ribs and none is seen.

    - Pits of the costal surface, up to ``pit_width_mm`` wide: a mass at the pleura with lung
      around it.
    - What the other lung has, scaled to this side, and this one has not. Not counted are the
      heart's place on the left, and a diaphragm that stands higher: lung is seen behind at that
      height, and none in front or below. A lower lobe that is consolidated has none behind.

    Args:
        sides: the aerated lungs, labelled ``RIGHT`` and ``LEFT``.
        closed: each lung closed over its vessels.
        middle: the x index of the mid-plane at each z.
        spacing: mm along z, y, x.
        rule: what counts as hidden.
    """
    lungs = sides > 0
    box = bounding_box(lungs)
    height = (np.arange(len(sides)) - box[0].start) / max(1, box[0].stop - 1 - box[0].start)
    result = np.zeros_like(lungs)
    halves = _half_grids(sides.shape, middle, (box[1].start + box[1].stop - 1) / 2.0, spacing)
    surface = {s: halves[s].outermost(sides == s) for s in (RIGHT, LEFT)}
    inner = {s: halves[s].innermost(closed[s]) for s in (RIGHT, LEFT)}
    for side, other in ((RIGHT, LEFT), (LEFT, RIGHT)):
        own, polar = surface[side], halves[side]
        whole = _closed(own, polar.cells(rule.pit_width_mm))
        pits = (whole - own > rule.pit_depth_mm) & _between_angles(rule.pit_angles)
        pits &= np.logical_or.accumulate(own > 0, axis=0)  # else it is the diaphragm
        pits = _opened(pits, polar.ellipse(rule.smallest_pit_mm))
        result |= polar.between(np.maximum(own, rule.innermost_share * whole), whole, pits)
        scale = _scale(own, surface[other], polar.slice_mm, rule)
        expected = scale * surface[other]
        missed = _missed(own, expected, rule)
        if side == LEFT:
            missed &= ~((rule.heart_angle > ANGLES) & (height < rule.heart_top)[:, None])
        missed = _opened(missed, polar.ellipse(rule.smallest_missed_mm))
        result |= polar.between(np.maximum(own, scale * inner[other]), expected, missed)
    return result


def _half_grids(
    shape: tuple[int, ...],
    middle: NDArray[np.float64],
    depth: float,
    spacing: NDArray[np.float64],
) -> dict[int, _Polar]:
    """Both sides as seen from the mid-plane."""
    across = ((np.arange(shape[2])[None, :] - middle[:, None]) * spacing[2]).astype(np.float32)
    across = across[:, None, :]
    back = ((np.arange(shape[1]) - depth) * spacing[1]).astype(np.float32)[None, :, None]
    radius = np.sqrt(across**2 + back**2)
    angle = np.arctan2(np.abs(across), -back)
    ray = np.minimum(angle * np.float32(RAYS / np.pi), RAYS - 1).astype(np.int16)
    reach = 0.25 * shape[1] * spacing[1]
    arc_mm = float(np.pi / RAYS * reach)
    return {
        side: _Polar(radius, ray, half, arc_mm, float(spacing[0]))
        for side, half in ((RIGHT, across <= 0), (LEFT, across >= 0))
    }


def _missed(own: FloatMap, expected: FloatMap, rule: CostalRule) -> BoolMap:
    """Rays on which a lung ends well before the other one does, and no diaphragm explains it."""
    missed = expected - own > np.maximum(rule.missed_depth_mm, rule.missed_share * expected)
    missed &= _between_angles(rule.missed_angles)
    seen = own > 0
    below_or_in_front = np.logical_or.accumulate(np.logical_or.accumulate(seen, axis=0), axis=1)
    at_wall = seen & (own > rule.wall_share * expected) & (rule.behind_angle > ANGLES)
    behind = np.flip(np.logical_or.accumulate(np.flip(at_wall, 1), axis=1), 1)
    return np.asarray(missed & (below_or_in_front | ~behind))


def _scale(own: FloatMap, other: FloatMap, slice_mm: float, rule: CostalRule) -> FloatMap:
    """How much wider this side is than the other at each height, shape (Z, 1).

    By the rays that see the wall on both sides; 1 where there are none.
    """
    both = (own > 0) & (other > 0) & _between_angles(rule.wall_angles)
    ratio = np.where(both, own / np.maximum(other, 1.0), 0.0)
    fits = (ratio > rule.ratios[0]) & (ratio < rule.ratios[1])
    reach = max(1, round(rule.alike_over_mm / 2 / slice_mm))
    result = np.ones((len(own), 1), np.float32)
    for z in range(len(own)):
        near = slice(max(0, z - reach), z + reach + 1)
        if fits[near].sum() > RAYS // 10:
            result[z] = np.median(ratio[near][fits[near]])
    return result


def _between_angles(limits: tuple[float, float]) -> BoolMap:
    return np.asarray((limits[0] < ANGLES) & (limits[1] > ANGLES))


def _closed(surface: FloatMap, size: tuple[int, int]) -> FloatMap:
    """Greyscale closing of a map by a rectangle; beyond the map's edges there is nothing."""
    pad = [(2 * (n // 2), 2 * (n // 2)) for n in size]
    grown = ndimage.maximum_filter(np.pad(surface, pad), size=size, mode="constant")
    closed = ndimage.minimum_filter(grown, size=size, mode="constant")
    return np.asarray(closed[tuple(slice(a, -a or None) for a, _ in pad)])


def _opened(mask: BoolMap, footprint: BoolMap) -> BoolMap:
    """Binary opening of a map; its edges go on beyond it."""
    pad = [(n // 2, n // 2) for n in footprint.shape]
    opened = ndimage.binary_opening(np.pad(mask, pad, mode="edge"), footprint)
    return np.asarray(opened[tuple(slice(a, -a or None) for a, _ in pad)])
