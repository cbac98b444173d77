"""Each lung closed over its vessels and nodules, so that its surface is the pleura."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from nodulus.transforms.ball_morphology import dilate, erode
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ClosedLungs:
    """The lungs of a scan, each closed by a ball.

    A nodule at the pleura is a notch in the aerated lung, and a vessel a tunnel; a ball that is
    larger than they are closes both (Armato et al., RadioGraphics 19:1303-1311, 1999, roll one
    along the border). Each lung is closed by itself, so that what lies between them stays outside.

    Args:
        lungs: of the scan.
        closing_mm: radius of the ball.
    """

    lungs: LungRegion
    closing_mm: float

    def around(
        self, places: NDArray[np.float64], margin_mm: float
    ) -> tuple[BoolArray, NDArray[np.intp]]:
        """Close the lungs around some places.

        Args:
            places: indices on the grid of the lungs, shape (..., 3).
            margin_mm: so far around the places the result goes, as far as the grid does.

        Returns:
            The closed lungs in a box of the grid, and the index of the box's first voxel; an empty
            box where the places lie outside of the grid.
        """
        spacing = np.asarray(self.lungs.geometry.spacing_irc_mm)
        pad = np.ceil((margin_mm + self.closing_mm) / spacing).astype(int) + 2
        flat = places.reshape(-1, 3)
        low = np.maximum(np.floor(flat.min(axis=0)).astype(int) - pad, 0)
        shape = np.asarray(self.lungs.geometry.shape_irc)
        high = np.minimum(np.ceil(flat.max(axis=0)).astype(int) + pad + 1, shape)
        box = tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
        sides = self.lungs.sides[box]
        closed = np.zeros(sides.shape, dtype=bool)
        if closed.size:
            for side in (RIGHT, LEFT):
                closed |= _closed(sides == side, spacing, self.closing_mm)
        return closed, low

    def on(self, geometry: Geometry) -> BoolArray:
        """Which voxels lie in the closed lungs.

        The surface runs between the voxels of the lungs' grid, by its signed distance.

        Args:
            geometry: of the voxels, a part of the scan.

        Returns:
            Bool, shape of ``geometry``.
        """
        index = np.moveaxis(np.indices(geometry.shape_irc), 0, -1)
        places = self.lungs.geometry.lps_to_index(geometry.index_to_lps(index))
        closed, low = self.around(places, 0.0)
        if not closed.any() or closed.all():
            return np.full(geometry.shape_irc, bool(closed.size) and bool(closed.all()))
        spacing = self.lungs.geometry.spacing_irc_mm
        depth = distance_transform_edt(closed, spacing) - distance_transform_edt(~closed, spacing)
        at = np.moveaxis(places - low, -1, 0)
        return np.asarray(map_coordinates(depth, at, order=1, mode="nearest") > 0.0)


@dataclass(frozen=True)
class LungBoundRule:
    """When and how the lungs bound a nodule.

    Args:
        least_share: of what was seen; with less in the lungs their surface is not known there, as
            at a consolidation.
        least_closing_mm: radius of the ball that closes the lungs over a nodule,
        closing_per_diameter: or so many diameters of the nodule, where that is more: a ball sinks
            into a notch by about the square of its width over eight radii.
    """

    least_share: float
    least_closing_mm: float
    closing_per_diameter: float

    def closing_mm(self, diameter_mm: float) -> float:
        """Radius of the ball that closes the lungs over a nodule of this diameter."""
        return max(self.least_closing_mm, self.closing_per_diameter * diameter_mm)


@dataclass(frozen=True, eq=False)
class LungBound:
    """The lungs of a scan as what bounds its nodules.

    Args:
        lungs: of the scan.
        rule: when they do, and how they are closed.
    """

    lungs: LungRegion
    rule: LungBoundRule

    def within(self, seen: BoolArray, geometry: Geometry) -> BoolArray | None:
        """Where a nodule may lie: in the lungs, closed over it.

        Args:
            seen: where the nodule is taken as seen, at least one voxel.
            geometry: of its voxels.

        Returns:
            Bool, same shape; None where the lungs do not bound it.
        """
        volume_mm3 = np.count_nonzero(seen) * geometry.voxel_volume_mm3
        closing_mm = self.rule.closing_mm(equivalent_diameter_mm(volume_mm3))
        inside = ClosedLungs(self.lungs, closing_mm).on(geometry)
        share = float(inside[seen].mean())
        return None if share == 0.0 or share < self.rule.least_share else inside


def _closed(lung: BoolArray, spacing: NDArray[np.float64], radius_mm: float) -> BoolArray:
    """Closing by a ball; a lung that the box cuts goes on beyond it."""
    if not lung.any():
        return lung
    pad = np.ceil(radius_mm / spacing).astype(int) + 1
    padded = np.pad(lung, [(int(n), int(n)) for n in pad], mode="edge")
    edges = spacing.tolist()
    closed = erode(dilate(padded, edges, radius_mm), edges, radius_mm)
    return closed[tuple(slice(int(n), -int(n)) for n in pad)]
