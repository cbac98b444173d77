"""A chest that is known everywhere: a function of the place in the patient, LPS mm.

It is different in every direction: no turn and no mirror image of it is the same chest. What is
true of it (volumes, diameters, densities, sides) follows from the numbers here and from nothing
that the project computes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

OUTSIDE_HU, BODY_HU, BONE_HU, LUNG_HU = -1000.0, 40.0, 500.0, -850.0
EDGE_HU = -600.0
"""Density on a lesion's surface, where the stand-in segmentation cuts it."""
RIM_HU_PER_MM = 300.0
"""How fast a lesion's density falls at its surface."""
PART_EDGE_HU = -300.0
"""Density on the surface of a solid part: the shipped rule's limit."""


@dataclass(frozen=True)
class Ellipsoid:
    """Semi-axes along x, y, z before it is turned about the body's axis, counter-clockwise from
    the feet: from +x towards +y."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    turned_degrees: float = 0.0

    @property
    def axes(self) -> Floats:
        """Its three directions, in columns."""
        a = np.deg2rad(self.turned_degrees)
        return np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])

    @property
    def volume_mm3(self) -> float:
        return float(4 / 3 * np.pi * np.prod(self.radii))

    def distance(self, points: ArrayLike) -> Floats:
        """About how far outside of the surface, mm; exact on it, and for spheres."""
        p = (np.asarray(points, float) - self.center) @ self.axes
        scaled = np.linalg.norm(p / self.radii, axis=-1)
        steep = np.linalg.norm(p / np.square(self.radii), axis=-1)
        return np.asarray(scaled * (scaled - 1) / np.maximum(steep, 1e-9))

    def holds(self, affine: Floats, box: tuple[slice, ...]) -> NDArray[np.bool_]:
        """Which voxels of a box of a grid lie inside."""
        to_unit = self.axes.T / np.asarray(self.radii)[:, None]
        matrix, offset = to_unit @ affine[:3, :3], to_unit @ (affine[:3, 3] - self.center)
        i, r, c = np.ogrid[box]
        squares = [
            (m[0] * i + m[1] * r + m[2] * c + o) ** 2 for m, o in zip(matrix, offset, strict=True)
        ]
        return np.asarray(sum(squares) <= 1)

    def section_cm2(self, z: float) -> float:
        """Area where the plane at a height cuts it."""
        height = (z - self.center[2]) / self.radii[2]
        return float(np.pi * self.radii[0] * self.radii[1] * max(0.0, 1 - height**2) / 100)


@dataclass(frozen=True)
class Lesion:
    """Something in a lung.

    Args:
        form: its surface.
        core_hu: density inside.
        side: the lung that it lies in.
        lobe: where its place leaves no doubt.
        texture: by the shipped rule.
        parts: denser pieces inside, with their density.
        hollow: what is as dense as the lung inside.
    """

    name: str
    form: Ellipsoid
    core_hu: float
    side: str
    lobe: str | None
    texture: str
    parts: tuple[Ellipsoid, ...] = ()
    parts_hu: float = 40.0
    hollow: Ellipsoid | None = None

    def hu(self, points: Floats) -> Floats:
        edge = EDGE_HU - RIM_HU_PER_MM * self.form.distance(points)
        found = np.clip(edge, LUNG_HU, self.core_hu)
        for part in self.parts:
            inner = PART_EDGE_HU - RIM_HU_PER_MM * part.distance(points)
            found = np.maximum(found, np.minimum(inner, self.parts_hu))
        if self.hollow is not None:
            wall = EDGE_HU + RIM_HU_PER_MM * self.hollow.distance(points)
            found = np.minimum(found, np.maximum(wall, LUNG_HU))
        return found

    def inside(self, step_mm: float = 0.4) -> tuple[Floats, Floats]:
        """Points of a fine grid inside of the surface, and their HU."""
        reach = max(self.form.radii)
        line = np.arange(-reach, reach + step_mm, step_mm)
        offsets = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
        points = offsets + self.form.center
        points = points[self.form.distance(points) <= 0]
        return points, self.hu(points)


BODY = Ellipsoid((4.0, 2.0, 0.0), (124.0, 76.0, 400.0))
RIGHT_LUNG = Ellipsoid((-46.0, -4.0, 6.0), (53.0, 44.0, 88.0))
LEFT_LUNG = Ellipsoid((63.0, -8.0, 0.0), (38.0, 40.0, 84.0))
SPINE = Ellipsoid((6.0, 62.0, 0.0), (11.0, 9.0, 400.0))
LOW_Z, HIGH_Z = -92.0, 104.0
"""The scan's lower and upper end."""

LESIONS = (
    Lesion("long", Ellipsoid((-47.0, -6.0, 54.0), (11.0, 6.0, 8.0), 30.0), 60.0, "right", "upper",
           "solid"),
    Lesion("part-solid", Ellipsoid((62.0, 2.0, -8.0), (11.5, 11.5, 11.5)), -420.0, "left", None,
           "part-solid", (Ellipsoid((61.3, 1.7, -7.6), (5.5, 4.0, 4.5)),
                          Ellipsoid((68.0, 6.0, -12.2), (3.0, 3.0, 3.0)))),
    Lesion("glass", Ellipsoid((-36.0, 6.0, -44.0), (7.0, 7.0, 9.0)), -440.0, "right", "lower",
           "ground-glass"),
    Lesion("beyond the middle", Ellipsoid((-8.0, -6.0, 20.0), (6.5, 5.0, 5.5)), -100.0, "right",
           None, "solid"),
    Lesion("twin", Ellipsoid((-62.0, -14.0, -8.0), (7.5, 5.5, 6.0), -40.0), 120.0, "right", None,
           "solid"),
    Lesion("its neighbour", Ellipsoid((-73.5, -2.5, -3.0), (5.5, 6.5, 6.0), 20.0), -20.0, "right",
           None, "solid"),
    Lesion("calcified", Ellipsoid((66.0, -18.0, 40.0), (5.0, 6.5, 5.5)), 300.0, "left", None,
           "solid"),
)  # fmt: skip
"""The boxes of the fifth and the sixth overlap, and little lung is between them."""

FAINT = Lesion("faint", Ellipsoid((60.0, -26.0, -34.0), (6.0, 5.0, 5.0)), -510.0, "left", None, "")
"""A candidate whose nodule probability is too low."""
HOLLOW = Lesion(
    "hollow", Ellipsoid((-52.0, -8.0, -62.0), (10.0, 9.5, 10.0)), -320.0, "right", None, "",
    hollow=Ellipsoid((-52.0, -8.0, -62.0), (5.0, 4.5, 5.0)),
)  # fmt: skip
"""A candidate whose voxels are likelier a nodule's than those of one that passes, while its middle
is lung: the candidates that pass are not the first ones."""
SPECK = Lesion("speck", Ellipsoid((-40.0, -20.0, 10.0), (2.5, 2.5, 2.5)), 0.0, "right", None, "")
"""A candidate that is too small."""


def hounsfield(affine_lps: Floats, shape_irc: tuple[int, int, int]) -> NDArray[np.int16]:
    """HU on a grid.

    Args:
        affine_lps: from (slice, row, column) to LPS mm.
        shape_irc: slices, rows and columns.
    """
    hu = np.full(shape_irc, OUTSIDE_HU)
    for form, density in (
        (BODY, BODY_HU),
        (SPINE, BONE_HU),
        (RIGHT_LUNG, LUNG_HU),
        (LEFT_LUNG, LUNG_HU),
    ):
        box = _box(form, affine_lps, shape_irc)
        hu[box][form.holds(affine_lps, box)] = density
    for lesion in (*LESIONS, FAINT, HOLLOW, SPECK):
        box = _box(lesion.form, affine_lps, shape_irc, rim_mm=2.0)
        index = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), -1)
        points = index @ affine_lps[:3, :3].T + affine_lps[:3, 3]
        hu[box] = np.maximum(hu[box], lesion.hu(points))
    return np.rint(hu).astype(np.int16)


def _box(
    form: Ellipsoid, affine: Floats, shape: tuple[int, int, int], rim_mm: float = 0.0
) -> tuple[slice, ...]:
    """The part of a grid that an ellipsoid can lie in."""
    reach = np.max(form.radii) if form.turned_degrees else np.asarray(form.radii)
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T * (reach + rim_mm)
    ends = (corners + form.center - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    low = np.clip(np.floor(ends.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(ends.max(axis=0)) + 1, 0, shape).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
