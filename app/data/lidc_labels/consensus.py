"""What the readers of one nodule agree on, pixel by pixel, on the images that they drew on.

The rule is that of ``pylidc.utils.consensus``: a pixel belongs to a reader's nodule when it lies
inside the outline and not on it (the outline runs through the first pixels outside: Armato et
al., Medical Physics 38(2), 2011, section II.C), and not inside or on the outline of a hole; it
belongs to the nodule when at least the wanted share of its readers cover it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.bundles.common.lidc.database import Outline
from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.polygons import polygon_pixels


@dataclass(frozen=True, eq=False)
class Agreement:
    """How many readers cover each pixel.

    Args:
        box: the part of the stack of images (slice, row, column) that the counts are of.
        counts: uint8, shape of ``box``.
        readers: how many readers outlined the nodule.
    """

    box: Box
    counts: NDArray[np.uint8]
    readers: int

    def mask(self, agreement: float) -> NDArray[np.bool_]:
        """The pixels that at least this share of the readers cover; above 0, at most 1.

        Raises:
            ValueError: the share is out of range.
        """
        if not 0.0 < agreement <= 1.0:
            raise ValueError(f"the share of agreeing readers must be in (0, 1], got {agreement}")
        return self.counts >= agreement * self.readers - 1e-9


def count_readers(
    readers: Sequence[Sequence[Outline]],
    slice_of_level: Mapping[float, int],
    shape_rc: tuple[int, int],
) -> Agreement | None:
    """Count, for each pixel of the images, the readers who cover it.

    Args:
        readers: each reader's outlines of one nodule.
        slice_of_level: which image lies at an outline's z position; outlines at other positions
            are left out.
        shape_rc: rows and columns of the images.

    Returns:
        The counts, or None where none of the outlines lies on an image.

    Raises:
        ValueError: an outline runs outside the images: they are not those that it was drawn on.
    """
    drawn = [[o for o in reader if o.z_mm in slice_of_level] for reader in readers]
    outlines = [outline for reader in drawn for outline in reader]
    if not outlines:
        return None
    points = np.concatenate([outline.points_xy for outline in outlines])
    if points.min() < 0 or np.any(points.max(axis=0) > np.subtract(shape_rc[::-1], 1)):
        raise ValueError(
            f"an outline goes to column {points[:, 0].max():.0f} and row {points[:, 1].max():.0f} "
            f"of an image of {shape_rc[0]} rows and {shape_rc[1]} columns"
        )
    slices = [slice_of_level[outline.z_mm] for outline in outlines]
    low = np.array([min(slices), points[:, 1].min(), points[:, 0].min()]).astype(int)
    high = np.array([max(slices), points[:, 1].max(), points[:, 0].max()]).astype(int) + 1
    counts = np.zeros(high - low, dtype=np.uint8)
    for reader in drawn:
        counts += _reader_mask(reader, slice_of_level, low, counts.shape)
    box = box_between(low, high)
    return Agreement(box, counts, len(readers))


def _reader_mask(
    outlines: Sequence[Outline],
    slice_of_level: Mapping[float, int],
    low: NDArray[np.int_],
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    for outline in sorted(outlines, key=lambda o: o.is_hole):
        plane = mask[slice_of_level[outline.z_mm] - low[0]]
        corners_rc = outline.points_xy[:, ::-1] - low[1:]
        box, inside, line = polygon_pixels(corners_rc, (shape[1], shape[2]))
        if outline.is_hole:
            plane[box] &= ~(inside | line)
        else:
            plane[box] |= inside
    return mask
