"""Answers that do not jump where a point moves from one voxel to the next."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

BLEND_VOXELS = 0.25
"""A point this near to the middle between two voxels is looked at from both."""


def nearest_voxels(center_index: ArrayLike) -> list[tuple[tuple[int, ...], float]]:
    """The voxel nearest to a point, or all that are about equally near, with weights of sum 1.

    A cube lies on whole voxels. Where a point is about as near to one voxel as to the next, a
    trifle would decide between two cubes; both count there, weighted continuously.

    Args:
        center_index: fractional index, three numbers.
    """
    choices: list[list[tuple[int, float]]] = []
    for value in np.asarray(center_index, dtype=np.float64).tolist():
        nearest = int(np.floor(value + 0.5))
        beyond = value - nearest  # -0.5 to 0.5
        share = (abs(beyond) - 0.5 + BLEND_VOXELS) / (2 * BLEND_VOXELS)  # of the next one
        if share <= 0:
            choices.append([(nearest, 1.0)])
        else:
            other = nearest + (1 if beyond > 0 else -1)
            choices.append([(nearest, 1.0 - share), (other, share)])
    return [
        (tuple(v for v, _ in chosen), float(np.prod([w for _, w in chosen])))
        for chosen in product(*choices)
    ]
