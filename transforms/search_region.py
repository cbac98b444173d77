"""Where nodules and masses are looked for: the lungs with what may be hidden at their walls.

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.ball_morphology import (
    BoolArray,
    bounding_box,
    dilate,
    erode,
)
from nodulus.transforms.costal_surface import CostalRule, hidden_lung
from nodulus.transforms.lung_air import ROUNDING_MM, in_plane_parts
from nodulus.transforms.lung_sides import LEFT, RIGHT


@dataclass(frozen=True)
class SearchRule:
    """Radii and margins of the region to search.

    Chosen so that real and drawn masses lie in it; docs/results.md has the figures,
    benchmarks/search_region.py measures them.

    Args:
        closing_mm: radius of the closing of each lung.
        closing_across_mm: of both together.
        outline_closing_mm: of :func:`lung_outline`.
        margin_mm: around everything.
        mass_radius_mm: of the ball that solid parts with a wide margin hold.
        mass_margin_mm: that margin.
        skin_mm: the body's outermost layer, which is no part of it.
        largest_hole_mm2: what lung encloses in an axial slice belongs to it up to this.
    """

    closing_mm: float
    closing_across_mm: float
    outline_closing_mm: float
    margin_mm: float
    mass_radius_mm: float
    mass_margin_mm: float
    skin_mm: float
    largest_hole_mm2: float


def search_region(
    sides: NDArray[np.uint8],
    body: BoolArray,
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
    *,
    rule: SearchRule,
    costal: CostalRule,
) -> BoolArray:
    """The region to search, which errs on the large side.

    Each lung by itself is closed by a ball of ``closing_mm``, over vessels, the hilum and masses
    of up to twice that width that stand out from the mediastinum or the diaphragm, which are
    flatter; where lungs miss along the ribs, that is added (:mod:`.costal_surface`). Around parts
    that hold a ball of ``mass_radius_mm`` and no air there is a margin of ``mass_margin_mm``, for
    masses that grow into the wall; around everything one of ``margin_mm``.

    Args:
        sides: the aerated lungs, labelled ``RIGHT`` and ``LEFT``.
        body: soft tissue and bone.
        middle: the x index of the mid-plane at each z.
        spacing: mm along z, y, x.
        rule: radii and margins.
        costal: what counts as hidden along the ribs.
    """
    lungs = sides > 0
    edges = spacing.tolist()
    closed = {
        side: _wide_closing(sides == side, spacing, rule.closing_mm) for side in (RIGHT, LEFT)
    }
    hull = closed[RIGHT] | closed[LEFT] | _closing(lungs, spacing, rule.closing_across_mm)
    hull = _fill_holes(hull, float(spacing[1] * spacing[2]), rule.largest_hole_mm2)
    deep = _below_skin(body | lungs, spacing, rule.skin_mm)
    hidden = hidden_lung(sides, closed, middle, spacing, costal) & deep
    solid = (closed[RIGHT] | closed[LEFT] | hidden) & ~lungs
    masses = erode(solid, edges, rule.mass_radius_mm + ROUNDING_MM)
    around = dilate(masses, edges, rule.mass_radius_mm + rule.mass_margin_mm + ROUNDING_MM)
    return dilate(hull | around & deep, edges, rule.margin_mm + ROUNDING_MM)


def lung_outline(lungs: BoolArray, spacing: NDArray[np.float64], rule: SearchRule) -> BoolArray:
    """The lungs closed over vessels and small nodules at the pleura, with ``margin_mm`` around.

    Args:
        lungs: what is filled with air.
        spacing: mm along z, y, x.
        rule: radius and margin.
    """
    closed = _closing(lungs, spacing, rule.outline_closing_mm)
    closed = _fill_holes(closed, float(spacing[1] * spacing[2]), rule.largest_hole_mm2)
    return dilate(closed, spacing.tolist(), rule.margin_mm + ROUNDING_MM)


def _closing(mask: BoolArray, spacing: NDArray[np.float64], radius_mm: float) -> BoolArray:
    """Closing by a ball in the mask's box; padded, so that the edge does not erode."""
    if not mask.any():
        return mask
    pad = np.ceil(radius_mm / spacing).astype(int) + 1
    box = bounding_box(mask)
    padded = np.pad(mask[box], [(int(p), int(p)) for p in pad])
    radius_mm += ROUNDING_MM
    edges = spacing.tolist()
    closed = erode(dilate(padded, edges, radius_mm), edges, radius_mm)
    result = mask.copy()
    result[box] |= closed[tuple(slice(int(p), -int(p)) for p in pad)]
    return result


def _wide_closing(mask: BoolArray, spacing: NDArray[np.float64], radius_mm: float) -> BoolArray:
    """The same on half as many voxels along each axis, most of which are in the mask: quicker."""
    even = np.pad(mask, [(0, n % 2) for n in mask.shape])
    z, y, x = (n // 2 for n in even.shape)
    share = even.reshape(z, 2, y, 2, x, 2).sum(axis=(1, 3, 5), dtype=np.uint8)
    closed = _closing(share >= 5, 2 * spacing, radius_mm)
    for axis in range(3):
        closed = np.repeat(closed, 2, axis=axis)
    return np.asarray(mask | closed[tuple(slice(n) for n in mask.shape)])


def _fill_holes(mask: BoolArray, pixel_mm2: float, largest_mm2: float) -> BoolArray:
    """Fill what lung encloses within an axial slice up to a large mass; never the mediastinum."""
    labels, outside = in_plane_parts(~mask)
    small = np.bincount(labels.ravel()) * pixel_mm2 <= largest_mm2
    small[0] = False
    return np.asarray(mask | (small & ~outside)[labels])


def _below_skin(body: BoolArray, spacing: NDArray[np.float64], skin_mm: float) -> BoolArray:
    """The body, its hollows filled slice by slice, without its outermost layer."""
    labels, outside = in_plane_parts(~body)
    filled = ~outside[labels] | body
    return erode(filled, spacing.tolist(), skin_mm)
