"""Masks seen in blocks of voxels: much of a sparse one need not be looked at voxel by voxel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Box = tuple[slice, slice, slice]

_NEIGHBOURS = np.ones((3, 3, 3), bool)


def relative(box: Box, outer: Box) -> Box:
    """A box of a volume as one of a part of it."""
    x, y, z = (slice(b.start - o.start, b.stop - o.start) for b, o in zip(box, outer, strict=True))
    return x, y, z


def box_between(low: ArrayLike, high: ArrayLike) -> Box:
    """The box from the first index along each axis to before the last, each shape (3,)."""
    x, y, z = (
        slice(int(a), int(b)) for a, b in zip(np.asarray(low), np.asarray(high), strict=True)
    )
    return x, y, z


def enclosing(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of several ones of one volume; at least one."""
    x, y, z = (
        slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes))
        for axis in range(3)
    )
    return x, y, z


def any_in_blocks(mask: NDArray[np.bool_], edge: int) -> NDArray[np.bool_]:
    """Whether each block of ``edge`` voxels a side holds anything, the last ones padded."""
    # Bytes, block by block: a tenth of the time that ``np.logical_or.reduceat`` takes.
    result = np.asarray(mask, bool).view(np.uint8)
    for axis in range(3):
        lines = np.moveaxis(result, axis, 0)
        starts = range(0, len(lines), edge)
        found = [np.bitwise_or.reduce(lines[a : a + edge], axis=0) for a in starts]
        result = np.stack(found, axis=axis) if found else result
    return result.view(np.bool_)


def connected_components(
    mask: NDArray[np.bool_], edge: int = 16
) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Connected components (26 neighbours).

    Blocks are grouped first, then the voxels of each group of blocks: neighbouring voxels never lie
    in blocks of two groups.

    Args:
        mask: shape (X, Y, Z).
        edge: of a block in voxels.

    Yields:
        The box of each component, and its voxels in that box; in no particular order.
    """
    blocks, count = ndimage.label(any_in_blocks(mask, edge), structure=_NEIGHBOURS)
    for number, box in enumerate(ndimage.find_objects(blocks, count), start=1):
        start = [s.start * edge for s in box]
        part = mask[tuple(slice(a, s.stop * edge) for a, s in zip(start, box, strict=True))]
        own = blocks[box] == number
        for axis in range(3):
            own = own.repeat(edge, axis)
        x, y, z = part.shape
        labels, inner_count = ndimage.label(part & own[:x, :y, :z], structure=_NEIGHBOURS)
        for label, inner in enumerate(ndimage.find_objects(labels, inner_count), start=1):
            i, j, k = (slice(a + s.start, a + s.stop) for a, s in zip(start, inner, strict=True))
            yield (i, j, k), labels[inner] == label
