"""What LIDC-IDRI's readers outlined, drawn on a cube that was cut out around a nodule.

The database has columns and rows of images; which of them a cube shows it does not know. So the
outlines are put around the cube's middle first, and then moved in the plane to where they fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.data.lidc_labels.consensus import Agreement, count_readers
from nodulus.app.data.lidc_labels.matching import center_xyz_mm
from nodulus.bundles.common.lidc.database import Outline, read_outlines
from nodulus.bundles.common.lidc.shapes import ShapeReference

AGREEMENT = 0.5
"""The share of a nodule's readers that must cover a voxel."""

_REACH_MM = 3.0
"""LUNA16 and the readers' own centres lie so far apart at most, but for few."""

_RING_VOXELS = 2


def draw_outlines(
    hu: NDArray[np.integer], spacing_zyx: Sequence[float], z_mm: float, reference: ShapeReference
) -> NDArray[np.bool_] | None:
    """The nodule in the middle of a cube as its readers outlined it.

    Args:
        hu: shape (Z, Y, X) along +z, +y, +x of LPS, the nodule at the voxel ``shape // 2``.
        spacing_zyx: mm; in the plane that of the images that the readers saw.
        z_mm: of the voxel ``shape // 2``; outlines belong to the slice that they are nearest to.
        reference: the nodule and its readers.

    Returns:
        Bool, shape of ``hu``; None where no outline lies on a slice of the cube.
    """
    readers = list(read_outlines([a.id for a in reference.annotations]).values())
    counted = count_readers(readers, *_images(readers, hu.shape[0], spacing_zyx[0], z_mm))
    if counted is None or not counted.mask(AGREEMENT).any():
        return None
    pixel = reference.annotations[0].scan.pixel_spacing_mm
    column, row = np.round(center_xyz_mm(reference)[:2] / pixel).astype(int)
    whole = _on_slices(counted, hu.shape[0])
    first = np.array(hu.shape[1:]) // 2 - (row, column)
    start = np.array([counted.box[1].start, counted.box[2].start]) + first
    reach = int(_REACH_MM / spacing_zyx[1])
    shifts = np.moveaxis(np.indices((2 * reach + 1,) * 2), 0, -1).reshape(-1, 2) - reach
    # Of equally good places the nearest one.
    nearest = shifts[np.argsort((shifts**2).sum(axis=1), kind="stable")]
    placed = [_placed(whole, start + shift, hu.shape) for shift in nearest]
    return max(placed, key=lambda mask: _contrast(hu, mask))


def _images(
    readers: Sequence[Sequence[Outline]], slices: int, spacing_mm: float, z_mm: float
) -> tuple[dict[float, int], tuple[int, int]]:
    """Which slice of the cube each outline's level is, and a size that all outlines fit into."""
    outlines = [outline for reader in readers for outline in reader]
    levels = {o.z_mm: round((o.z_mm - z_mm) / spacing_mm) + slices // 2 for o in outlines}
    edge = int(max(o.points_xy.max() for o in outlines)) + 2
    return {z: k for z, k in levels.items() if 0 <= k < slices}, (edge, edge)


def _on_slices(counted: Agreement, slices: int) -> NDArray[np.bool_]:
    mask = counted.mask(AGREEMENT)
    whole = np.zeros((slices, *mask.shape[1:]), dtype=bool)
    whole[counted.box[0]] = mask
    return whole


def _placed(
    mask: NDArray[np.bool_], start_yx: NDArray[np.integer], shape: Sequence[int]
) -> NDArray[np.bool_]:
    """A mask of all slices with its first row and column at a place of the cube."""
    result = np.zeros(shape, dtype=bool)
    low = np.maximum(start_yx, 0)
    high = np.minimum(start_yx + mask.shape[1:], shape[1:])
    if np.all(high > low):
        (y, x), (y2, x2) = low, high
        part = mask[:, y - start_yx[0] : y2 - start_yx[0], x - start_yx[1] : x2 - start_yx[1]]
        result[:, y:y2, x:x2] = part
    return result


def _contrast(hu: NDArray[np.integer], mask: NDArray[np.bool_]) -> float:
    """Mean HU inside less that of the ring around it, in the slices of the mask."""
    if not mask.any():
        return -np.inf
    flat = ndimage.generate_binary_structure(2, 2)[None]
    ring = ndimage.binary_dilation(mask, flat, iterations=_RING_VOXELS) & ~mask
    if not ring.any():
        return -np.inf
    return float(hu[mask].mean() - hu[ring].mean())
