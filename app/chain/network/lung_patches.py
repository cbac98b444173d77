"""Large patches that cover the lungs and share little."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.blocks import Box, relative

_Blocks = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

_WORTH_A_CUT = 0.95


@dataclass(frozen=True)
class LungPatch:
    """A part of a volume and what of it the network sees around it.

    Args:
        core: the voxels that this patch answers for; cores do not overlap.
        outer: the core with its context. Starts and edges are multiples of the stride, so that the
            network's coarse grids lie alike in all patches.
    """

    core: Box
    outer: Box

    @property
    def size(self) -> int:
        """Voxels of the outer box."""
        return math.prod(s.stop - s.start for s in self.outer)

    def within(self, box: Box) -> Box:
        """A box of the volume as one of the outer box."""
        return relative(box, self.outer)


def cover_blocks(
    blocks: NDArray[np.bool_], *, stride: int, context: int, max_voxels: int
) -> list[LungPatch]:
    """Cover the blocks that hold lung with few large patches.

    Their box is cut in two, again and again, while it is too large or while the parts, each
    shrunk to its own lungs, cost less together with their context than the whole.

    Args:
        blocks: whether there is lung in each block of ``stride`` voxels a side.
        stride: of the network in all; patches are multiples of it.
        context: voxels around a core that the network sees; rounded up to the stride.
        max_voxels: of an outer box, while it can be cut.

    Returns:
        Patches within the volume padded at its ends to multiples of the stride; none without lung.
    """
    around = -(-context // stride)
    whole = tuple((0, n) for n in blocks.shape)
    box = _shrink(blocks, (whole[0], whole[1], whole[2]))
    if box is None:
        return []
    return [
        LungPatch(_voxels(core, stride), _voxels(_outer(core, blocks.shape, around), stride))
        for core in _cut(blocks, box, around, max(1, max_voxels // stride**3))
    ]


def blocks_in(blocks: NDArray[np.bool_], core: Box, stride: int) -> NDArray[np.bool_]:
    """The blocks of one patch's core."""
    inside = tuple(slice(s.start // stride, s.stop // stride) for s in core)
    result = np.zeros_like(blocks)
    result[inside] = blocks[inside]
    return result


def _shrink(blocks: NDArray[np.bool_], box: _Blocks) -> _Blocks | None:
    (x0, x1), (y0, y1), (z0, z1) = box
    part = blocks[x0:x1, y0:y1, z0:z1]
    if not part.any():
        return None
    shrunk = []
    for axis, (start, _) in enumerate(box):
        line = np.flatnonzero(part.any(axis=tuple(a for a in range(3) if a != axis)))
        shrunk.append((start + int(line[0]), start + int(line[-1]) + 1))
    return shrunk[0], shrunk[1], shrunk[2]


def _cut(blocks: NDArray[np.bool_], box: _Blocks, around: int, most: int) -> Iterator[_Blocks]:
    own = _cost(box, blocks.shape, around)
    is_large = own > most
    best: tuple[int, list[_Blocks]] | None = None
    for axis, (start, stop) in enumerate(box):
        # Near the middle where there must be a cut: thin slices are all context.
        end = (stop - start) // 3 if is_large else 0
        for at in range(start + max(1, end), stop - max(0, end - 1)):
            halves = [[*box], [*box]]
            halves[0][axis], halves[1][axis] = (start, at), (at, stop)
            parts = [_shrink(blocks, (h[0], h[1], h[2])) for h in halves]
            kept = [p for p in parts if p is not None]
            cost = sum(_cost(p, blocks.shape, around) for p in kept)
            if best is None or cost < best[0]:
                best = cost, kept
    if best is None or not (is_large or best[0] < _WORTH_A_CUT * own):
        yield box
        return
    for part in best[1]:
        yield from _cut(blocks, part, around, most)


def _outer(box: _Blocks, shape: tuple[int, ...], around: int) -> _Blocks:
    x, y, z = (
        (max(0, start - around), min(n, stop + around))
        for (start, stop), n in zip(box, shape, strict=True)
    )
    return x, y, z


def _cost(box: _Blocks, shape: tuple[int, ...], around: int) -> int:
    (x0, x1), (y0, y1), (z0, z1) = _outer(box, shape, around)
    return (x1 - x0) * (y1 - y0) * (z1 - z0)


def _voxels(box: _Blocks, stride: int) -> Box:
    x, y, z = (slice(start * stride, stop * stride) for start, stop in box)
    return x, y, z
