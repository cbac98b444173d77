"""What lies on the patient: a gown or a blanket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cover:
    """Cloth over the front of the body.

    Args:
        hu: its density.
        thick_mm: its thickness.
        lift_mm: how far it lies from the skin, on average.
        waves: rows of amplitude (mm), wave number along y and z (per mm) and phase.
        low_y_mm: where it ends at the sides.
    """

    hu: float
    thick_mm: float
    lift_mm: float
    waves: FloatArray
    low_y_mm: float

    @property
    def reach_mm(self) -> float:
        """Farthest from the skin that it gets."""
        return self.lift_mm + float(self.waves[:, 0].sum()) + self.thick_mm + 1.0


def draw_cover(middle_y_mm: float, rng: np.random.Generator) -> Cover:
    """Draw one; ``middle_y_mm`` is the y of the middle of the chest, anatomy mm."""
    waves = np.stack(
        [
            rng.uniform(0.4, 2.2, 4),
            rng.uniform(0.02, 0.12, 4) * rng.choice([-1, 1], 4),
            rng.uniform(-0.06, 0.06, 4),
            rng.uniform(0, 2 * np.pi, 4),
        ],
        axis=1,
    ).astype(np.float32)
    return Cover(
        hu=float(rng.uniform(-880.0, -600.0)),
        thick_mm=float(rng.uniform(0.6, 1.6)),
        lift_mm=float(rng.uniform(2.0, 6.0)),
        waves=waves,
        low_y_mm=middle_y_mm + float(rng.uniform(-20.0, 60.0)),
    )


def paint_cover(
    out: FloatArray, cover: Cover, skin: FloatArray, ys: NDArray[np.float64], z: float,
    sharpness: float,
) -> None:  # fmt: skip
    """Paint it into air about the skin, in place.

    Args:
        out: HU, shape (n, m).
        cover: which one.
        skin: signed distance of the skin, mm, shape of ``out``.
        ys: rows, anatomy mm.
        z: height, anatomy mm.
        sharpness: pixels per mm.
    """
    rows = int(np.searchsorted(ys, cover.low_y_mm))
    where = np.nonzero((skin[:rows] > 0.0) & (skin[:rows] < cover.reach_mm))
    y = ys[where[0]].astype(np.float32)
    lift = np.full(y.shape, cover.lift_mm, dtype=np.float32)
    # The column stands in for a way along the skin, so that folds lie across it.
    for amplitude, along_y, along_z, phase in cover.waves:
        lift += amplitude * np.sin(along_y * (y + 0.6 * where[1]) + along_z * z + phase)
    away = np.abs(skin[where] - np.maximum(lift, 0.5)) - 0.5 * np.float32(cover.thick_mm)
    share = np.clip(0.5 - away * np.float32(sharpness), 0, 1) * np.float32(0.9)
    there = out[where]
    out[where] = there + (np.float32(cover.hu) - there) * share
