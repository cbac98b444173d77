"""From the masks of structures to one label map, a number a nodule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.data.masks.structures import StructureMask

MAX_NODULES = 254
"""Labels are uint8, and 255 marks what nobody has labelled."""

_NEIGHBOURS = ndimage.generate_binary_structure(3, 3)


def label_structures(
    masks: Sequence[StructureMask], shape_irc: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Number the nodules.

    Of several structures each is a nodule. Those that share more than half of the smaller one
    are one nodule, outlined more than once; other voxels that are claimed twice stay with the
    larger structure. A structure that is alone may hold any number of nodules: pieces
    with no more than two voxels between them are one.

    Args:
        masks: of one series.
        shape_irc: of its stack of images.

    Returns:
        Shape (I, R, C): 0, or the number of a nodule from 1 without gaps.

    Raises:
        ValueError: there are more than 254 nodules.
    """
    if len(masks) == 1:
        return _pieces(masks[0], shape_irc)
    labels = np.zeros(shape_irc, dtype=np.uint16)
    count = 0
    for mask in sorted(masks, key=lambda m: (-int(m.mask.sum()), m.structure.number)):
        part = labels[mask.box]
        sizes = np.bincount(part[mask.mask], minlength=count + 1)[1:]
        if count and 2 * sizes.max() > mask.mask.sum():
            number = 1 + int(sizes.argmax())
        else:
            number = count = count + 1
        part[mask.mask & (part == 0)] = number
    return _as_bytes(labels, count)


def _pieces(mask: StructureMask, shape_irc: tuple[int, int, int]) -> NDArray[np.uint8]:
    padded = np.pad(mask.mask, 1)
    pieces, count = ndimage.label(ndimage.binary_dilation(padded, _NEIGHBOURS), _NEIGHBOURS)
    labels = np.zeros(shape_irc, dtype=np.uint16)
    labels[mask.box] = np.where(mask.mask, pieces[1:-1, 1:-1, 1:-1], 0)
    return _as_bytes(labels, count)


def _as_bytes(labels: NDArray[np.uint16], count: int) -> NDArray[np.uint8]:
    if count > MAX_NODULES:
        raise ValueError(f"{count} nodules in one series; {MAX_NODULES} are possible")
    return labels.astype(np.uint8)
