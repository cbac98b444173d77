"""The couch: what the patient lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ROOM_AIR_HU = -1000.0


@dataclass(frozen=True)
class Table:
    """A shell of carbon fibre around foam, with a pad on it.

    Args:
        top_bend: curvature radius of the top, mm (large: flat).
        bottom_bend: curvature radius of the underside, mm.
        half_width_mm: to each side.
        height_mm: from top to bottom in the middle.
        shell_hu: density of the shell.
        foam_hu: density of the foam.
        pad_hu: density of the pad.
        pad_mm: thickness of the pad, 0 for none.
        gap_mm: distance between the body's lowest point and the shell.
    """

    top_bend: float
    bottom_bend: float
    half_width_mm: float
    height_mm: float
    shell_hu: float
    foam_hu: float
    pad_hu: float
    pad_mm: float
    gap_mm: float


def draw_table(rng: np.random.Generator) -> Table:
    """A cradle, a gently curved board or a flat one."""
    bend = float(rng.choice([300.0, 480.0, 750.0, 4000.0])) * float(rng.uniform(0.9, 1.1))
    pad = float(rng.choice([0.0, 1.2, 6.0, 12.0]))
    return Table(
        top_bend=bend,
        bottom_bend=bend * float(rng.uniform(0.55, 0.95)),
        half_width_mm=float(rng.uniform(190.0, 235.0)),
        height_mm=float(rng.uniform(18.0, 55.0)),
        shell_hu=float(rng.uniform(-350.0, 60.0)),
        foam_hu=float(rng.uniform(-960.0, -890.0)),
        pad_hu=float(rng.uniform(-940.0, -820.0)) if pad > 2 else -700.0,
        pad_mm=pad,
        gap_mm=float(rng.uniform(2.0, 6.0)) + pad,
    )


def paint_table(
    table: Table, xs: NDArray[np.float64], ys: NDArray[np.float64], body_low_y: float
) -> FloatArray:
    """An axial plane of air with the table in it, shape (len(ys), len(xs)).

    Args:
        table: which one.
        xs: columns, anatomy mm.
        ys: rows, anatomy mm.
        body_low_y: largest y of the body.
    """
    x, y = xs[None, :], ys[:, None]
    image = np.full((len(ys), len(xs)), ROOM_AIR_HU, dtype=np.float32)
    pixel = float(ys[1] - ys[0])
    within = np.abs(x) < table.half_width_mm
    top = body_low_y + table.gap_mm - x**2 / (2.0 * table.top_bend)
    bottom = body_low_y + table.gap_mm + table.height_mm - x**2 / (2.0 * table.bottom_bend)
    bottom = np.maximum(bottom, top + 3.0)
    foam = (y > top) & (y < bottom) & within
    image[foam] = table.foam_hu
    for middle, thickness, value in (
        (top - 1.0 - 0.5 * table.pad_mm, table.pad_mm, table.pad_hu),
        (top, 2.0, table.shell_hu),
        (bottom, 2.0, table.shell_hu),
    ):
        share = np.clip((thickness / 2 - np.abs(y - middle)) / pixel + 0.5, 0, 1) * within
        if thickness > 0:
            image += ((value - image) * share).astype(np.float32)
    return image
