"""The cheapest smooth surface through a volume of costs, by paths in eight directions.

Semi-global matching (Hirschmueller, IEEE Trans. Pattern Anal. Mach. Intell. 30:328-341, 2008) with
heights in place of disparities: from each node paths run in eight directions, and along each the
cheapest heights are found by dynamic programming.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
_FAR = np.float32(1e6)


def path_costs(costs: FloatArray, bend_cost: float, most_steps: int) -> FloatArray:
    """The cost of each height at each node, with that of the best paths that lead there.

    Args:
        costs: of a surface that runs through (u, v) at height w, shape (U, V, W).
        bend_cost: of a step of one height between neighbours; grows with its square.
        most_steps: between neighbours.

    Returns:
        Shape of ``costs``; the node's own cost counts once.
    """
    steps = np.arange(-most_steps, most_steps + 1)
    bends = (bend_cost * steps**2).astype(np.float32)
    total = costs.copy()
    for axis, backward, shear in product((0, 1), (False, True), (-1, 0, 1)):
        if axis == 1 and shear:  # the diagonals are those of the first axis
            continue
        turned = np.moveaxis(costs, axis, 0)
        arriving = np.moveaxis(total, axis, 0)
        order = range(len(turned) - 1, -1, -1) if backward else range(len(turned))
        before: FloatArray | None = None
        for n in order:
            if before is None:
                before = turned[n]
                continue
            message = _cheapest_step(_sheared(before, shear), bends)
            arriving[n] += message
            before = turned[n] + message
    return total


def _sheared(line: FloatArray, shear: int) -> FloatArray:
    """The neighbour's values for each node of a line, 0 where there is none."""
    if shear == 0:
        return line
    moved = np.zeros_like(line)
    if shear > 0:
        moved[1:] = line[:-1]
    else:
        moved[:-1] = line[1:]
    return moved


def _cheapest_step(before: FloatArray, bends: FloatArray) -> FloatArray:
    """What it costs at least to come to each height; the cheapest one costs 0."""
    most, heights = len(bends) // 2, before.shape[1]
    padded = np.full((len(before), heights + 2 * most), _FAR, np.float32)
    padded[:, most : most + heights] = before
    cheapest = before.min(axis=1, keepdims=True)
    padded -= cheapest
    best: FloatArray = before - cheapest
    for step, bend in enumerate(bends):
        if step != most:
            np.minimum(best, padded[:, step : step + heights] + bend, out=best)
    return best
