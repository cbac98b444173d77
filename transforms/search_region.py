"""Where nodules and masses are looked for: the lungs with what may be hidden at their walls.

Arrays have axes (z, y, x) to the head, the back and the left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.ball_morphology import (
    BoolArray,
    bounding_box,
    dilate,
    erode,
)
from nodulus.transforms.costal_surface import hidden_lung
from nodulus.transforms.lung_air import ROUNDING_MM, in_plane_parts
from nodulus.transforms.lung_sides import LEFT, RIGHT

# Radii and margins chosen so that real and drawn masses lie in the region; docs/results.md has the
# figures, benchmarks/search_region.py measures them.
CLOSING_MM = 50.0
CLOSING_ACROSS_MM = 18.0
OUTLINE_CLOSING_MM = 18.0
MARGIN_MM = 4.0
MASS_RADIUS_MM = 10.0
MASS_MARGIN_MM = 12.5
SKIN_MM = 12.5
LARGEST_HOLE_MM2 = 2500.0


def search_region(
    sides: NDArray[np.uint8],
    body: BoolArray,
    middle: NDArray[np.float64],
    spacing: NDArray[np.float64],
) -> BoolArray:
    """The region to search, which errs on the large side.

    Each lung by itself is closed by a ball of ``CLOSING_MM``, over vessels, the hilum and masses
    of up to twice that width that stand out from the mediastinum or the diaphragm, which are
    flatter; where lungs miss along the ribs, that is added (:mod:`.costal_surface`). Around parts
    that hold a ball of ``MASS_RADIUS_MM`` and no air there is a margin of ``MASS_MARGIN_MM``, for
    masses that grow into the wall; around everything one of ``MARGIN_MM``.

    Args:
        sides: the aerated lungs, labelled ``RIGHT`` and ``LEFT``.
        body: soft tissue and bone.
        middle: the x index of the mid-plane at each z.
        spacing: mm along z, y, x.
    """
    lungs = sides > 0
    edges = spacing.tolist()
    closed = {side: _wide_closing(sides == side, spacing, CLOSING_MM) for side in (RIGHT, LEFT)}
    hull = closed[RIGHT] | closed[LEFT] | _closing(lungs, spacing, CLOSING_ACROSS_MM)
    hull = _fill_holes(hull, float(spacing[1] * spacing[2]))
    deep = _below_skin(body | lungs, spacing)
    hidden = hidden_lung(sides, closed, middle, spacing) & deep
    solid = (closed[RIGHT] | closed[LEFT] | hidden) & ~lungs
    masses = erode(solid, edges, MASS_RADIUS_MM + ROUNDING_MM)
    around = dilate(masses, edges, MASS_RADIUS_MM + MASS_MARGIN_MM + ROUNDING_MM)
    return dilate(hull | around & deep, edges, MARGIN_MM + ROUNDING_MM)


def lung_outline(lungs: BoolArray, spacing: NDArray[np.float64]) -> BoolArray:
    """The lungs closed over vessels and small nodules at the pleura, with ``MARGIN_MM`` around.

    Args:
        lungs: what is filled with air.
        spacing: mm along z, y, x.
    """
    closed = _closing(lungs, spacing, OUTLINE_CLOSING_MM)
    closed = _fill_holes(closed, float(spacing[1] * spacing[2]))
    return dilate(closed, spacing.tolist(), MARGIN_MM + ROUNDING_MM)


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


def _fill_holes(mask: BoolArray, pixel_mm2: float) -> BoolArray:
    """Fill what lung encloses within an axial slice up to a large mass; never the mediastinum."""
    labels, outside = in_plane_parts(~mask)
    small = np.bincount(labels.ravel()) * pixel_mm2 <= LARGEST_HOLE_MM2
    small[0] = False
    return np.asarray(mask | (small & ~outside)[labels])


def _below_skin(body: BoolArray, spacing: NDArray[np.float64]) -> BoolArray:
    """The body, its hollows filled slice by slice, without its outermost ``SKIN_MM``."""
    labels, outside = in_plane_parts(~body)
    filled = ~outside[labels] | body
    return erode(filled, spacing.tolist(), SKIN_MM)
