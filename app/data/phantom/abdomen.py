"""What lies under the diaphragm: liver, spleen, stomach and fat."""

from __future__ import annotations

import numpy as np

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.cavity import Cavity
from nodulus.app.data.phantom.grid import CoarseGrid, Field
from nodulus.app.data.phantom.signed_distances import add_ellipsoid, far_field


def make_abdomen(
    body: Anatomy, grid: CoarseGrid, cavity: Cavity, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Signed distances of the organs and of the air in stomach and bowel."""
    x, y, _ = grid.warped
    s = body.scale
    under = cavity.above_diaphragm_mm * 0.8
    muscle = np.abs(under + 1.5) - 1.5
    liver_edge = (x - (20.0 + rng.uniform(-10, 35)) * s - 0.35 * (y - body.spine_y)) * 0.8
    liver = np.maximum(np.maximum(under + 2.0, liver_edge), cavity.distance_mm + 4.0)
    organs = np.minimum(muscle, liver).astype(np.float32)
    top = body.dome_left_z
    add_ellipsoid(organs, grid, (85 * s, body.back_y - 40 * s, top - 48 * s),
                  np.array([32, 52, 42]) * s, None, 3.0)  # fmt: skip
    stomach = (48 * s, body.back_y - 105 * s, top - 42 * s)
    add_ellipsoid(organs, grid, stomach, np.array([46, 42, 38]) * s, None, 2.0)
    air = far_field(grid)
    add_ellipsoid(air, grid, stomach, np.array([41, 37, 33]) * s)
    level = y - (stomach[1] + float(rng.uniform(-25, 15)))
    air = np.maximum(air, level.astype(np.float32))
    covered = np.maximum(np.maximum(organs, under), cavity.distance_mm).astype(np.float32)
    return covered, np.maximum(air, under + 6.0).astype(np.float32)
