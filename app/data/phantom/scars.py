"""Scars and bands: thin strands from the pleura inwards, more of them at the apices."""

from __future__ import annotations

import numpy as np

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field
from nodulus.app.data.phantom.lesions import Lesion, PhantomLesionKind
from nodulus.app.data.phantom.vessels import Tubes


def make_scars(
    body: Anatomy, grid: CoarseGrid, lungs: Field, rng: np.random.Generator
) -> tuple[Tubes, list[Lesion]]:
    """Draw ``body.scars`` groups of one to three strands, each of a few tapering pieces.

    Returns:
        The strands, and where each group begins.
    """
    edge = np.argwhere((lungs < 0) & (lungs > -2.5))
    low = np.array([grid.z_mm[0], grid.y_mm[0], grid.x_mm[0]])
    starts, ends, first, last = [], [], [], []
    lesions = []
    if len(edge) and body.scars:
        height = edge[:, 0] * grid.step_mm + low[0]
        weight = 1.0 + 3.0 * (height > body.apex_z - 50.0)
        chosen = edge[rng.choice(len(edge), body.scars, p=weight / weight.sum())]
        for root in (chosen * grid.step_mm + low)[:, ::-1]:
            inwards = (
                np.array([np.sign(root[0]) * 60.0, body.back_y - body.half_depth, root[2]]) - root
            )
            inwards /= np.linalg.norm(inwards)
            x, y, z = (round(float(v), 2) for v in root + 3.0 * inwards)
            lesions.append(Lesion(PhantomLesionKind.SCAR, (x, y, z), 10.0))
            for _ in range(int(rng.integers(1, 4))):
                direction = inwards + rng.normal(0, 0.5, 3)
                direction /= np.linalg.norm(direction)
                pieces = int(rng.integers(2, 5))
                radius = float(rng.uniform(0.5, 1.5))
                at = root.copy()
                for n in range(pieces):
                    to = at + direction * rng.uniform(2.5, 6.0) + rng.normal(0, 0.7, 3)
                    starts.append(at)
                    ends.append(to)
                    first.append(radius * (1 - n / (pieces + 0.5)))
                    last.append(radius * (1 - (n + 1) / (pieces + 0.5)))
                    at = to
    if not starts:
        return Tubes(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0)), []
    return Tubes(np.array(starts), np.array(ends), np.array(first), np.array(last)), lesions
