"""From fields to voxels, slice by slice; each group of fields only in the box that it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.couch import Table, paint_table
from nodulus.app.data.phantom.covers import Cover, paint_cover
from nodulus.app.data.phantom.grid import CoarseGrid, Field, interpolation_matrix
from nodulus.app.data.phantom.lung_anatomy import Fissures
from nodulus.app.data.phantom.paint import inside, paint_bone, paint_inside, paint_wall
from nodulus.app.data.phantom.texture import FineTexture
from nodulus.app.data.phantom.wall_map import WallMap
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ChestFields:
    """Signed distances (mm, negative inside) and densities on one coarse grid.

    Args:
        skin: outside of the body.
        wall_mm: from the inside of the chest wall outwards; the wall map's depth.
        azimuth: the wall map's angle.
        marbling: smooth noise of unit variance.
        bone: all but the shoulder blades.
        cartilage: of the ribs.
        organs: liver, spleen, stomach, diaphragm.
        soft: oesophagus, flesh beside the spine, arms.
        muscle: the heart's walls.
        blood: in heart and great vessels; its density is blood_hu.
        air: in stomach and oesophagus.
        lungs: both lungs; their density is lung_hu.
    """

    skin: Field
    wall_mm: Field
    azimuth: Field
    marbling: Field
    bone: Field
    cartilage: Field
    organs: Field
    soft: Field
    muscle: Field
    blood: Field
    blood_hu: Field
    air: Field
    lungs: Field
    lung_hu: Field


_EVERYWHERE = ("skin", "wall_mm", "azimuth", "marbling")
# What says where a group is, and what else is needed there.
_GROUPS = (
    (("lungs",), ("lung_hu",)),
    (("organs", "soft", "muscle", "blood", "air"), ("blood_hu",)),
    (("bone", "cartilage"), ()),
)
_REACH_MM = 3.0
"""A group is painted up to this far outside of its surfaces."""


def render(
    fields: ChestFields,
    wall: WallMap,
    grid: CoarseGrid,
    body: Anatomy,
    fissures: Fissures,
    texture: FineTexture,
    geometry: Geometry,
    table: Table,
    cover: Cover | None = None,
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Paint everything but tubes and nodules.

    Args:
        fields: what to paint.
        wall: muscles and shoulder blades.
        grid: where the fields are sampled.
        body: the densities.
        fissures: the sheets.
        texture: the fine texture of lung, marrow and muscle.
        geometry: axial grid in anatomy mm.
        table: what the body lies on.
        cover: what lies on the body.

    Returns:
        HU, shape (I, R, C); and how much of each voxel is lung, 0 to 255.
    """
    slices, rows, columns = geometry.shape_irc
    origin, spacing = geometry.affine_lps[:3, 3], geometry.spacing_irc_mm
    xs = origin[0] + np.arange(columns) * spacing[2]
    ys = origin[1] + np.arange(rows) * spacing[1]
    zs = origin[2] + np.arange(slices) * spacing[0]
    body_low_y = float(grid.y_mm[np.nonzero((fields.skin < 0).any(axis=(0, 2)))[0][-1]])
    empty = paint_table(table, xs, ys, body_low_y)
    hu = np.empty(geometry.shape_irc, dtype=np.float32)
    share = np.zeros(geometry.shape_irc, dtype=np.uint8)
    sharpness = 1.0 / float(spacing[1])
    outside_mm = cover.reach_mm if cover else 4.0
    for n, z in enumerate(zs):
        at = float(np.clip((z - grid.z_mm[0]) / grid.step_mm, 0, len(grid.z_mm) - 1.001))
        low = int(at)
        part = np.float32(at - low)

        def level(
            names: tuple[str, ...], low: int = low, part: np.float32 = part
        ) -> dict[str, FloatArray]:
            pairs = ((name, getattr(fields, name)) for name in names)
            return {name: (1 - part) * f[low] + part * f[low + 1] for name, f in pairs}

        hu[n] = empty
        coarse = level(_EVERYWHERE)
        # Beyond the skin there is nothing to paint.
        box = _box(grid, coarse["skin"] < outside_mm, ys, xs)
        values = _fine(coarse, grid, ys, xs, box)
        out = hu[n][box]
        fine = texture.plane(xs[box[1]], ys[box[0]], float(z))
        middle_y = body.back_y - body.half_depth
        front = (np.abs(xs[box[1]])[None, :] < 5.0) & (ys[box[0]][:, None] < middle_y)
        values["azimuth"][front] = np.pi
        found = []
        for leaders, others in _GROUPS:
            coarse = level((*leaders, *others))
            near = np.asarray(np.min([coarse[name] for name in leaders], axis=0) < _REACH_MM)
            inner = _box(grid, near, ys, xs, box) if near.any() else (slice(0, 0),) * 2
            local = _fine(coarse, grid, ys, xs, inner) if _size(inner) else {}
            within = tuple(
                slice(i.start - b.start, i.stop - b.start) for i, b in zip(inner, box, strict=True)
            )
            found.append((inner, within, local))
        (in_lungs, lungs_within, lung_values), in_chest, in_bone = found
        wanted = values["skin"] < max(0.6 * float(spacing[1]), 0.6)
        if lung_values:
            wanted[lungs_within] &= lung_values["lungs"] > -float(spacing[1])
        if cover:
            paint_cover(out, cover, values["skin"], ys[box[0]], float(z), sharpness)
        is_left = xs[box[1]] > 0
        paint_wall(out, values, wall.plane(float(z)), is_left, fine, wanted, sharpness)
        for (inner, within, local), paint in ((in_chest, paint_inside), (in_bone, paint_bone)):
            if local:
                local["marbling"] = values["marbling"][within]
                paint(hu[n][inner], local, body, fine[within], sharpness)
            if paint is paint_inside and lung_values:
                share[n][in_lungs] = 255 * _paint_lungs(
                    hu[n][in_lungs], lung_values, fine[lungs_within], body, fissures,
                    xs[in_lungs[1]], ys[in_lungs[0]], float(z), float(spacing[1]),
                )  # fmt: skip
    return hu, share


def _paint_lungs(
    out: FloatArray,
    values: dict[str, FloatArray],
    fine: FloatArray,
    body: Anatomy,
    fissures: Fissures,
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
    z: float,
    pixel_mm: float,
) -> FloatArray:
    """Paint lung and fissures in place; returns how much of each pixel is lung."""
    density = values["lung_hu"]
    # Where emphysema has emptied the lung there is nothing to be uneven.
    kept = np.clip((density + 980.0) / 80.0, 0.0, 1.0) * np.float32(body.texture_hu)
    lung = inside(values["lungs"], 1.0 / pixel_mm)
    out += (density + fine * kept - out) * lung
    _paint_fissures(out, lung, fissures, body, xs, ys, z, pixel_mm)
    return lung


def _size(box: tuple[slice, slice]) -> int:
    rows, columns = (max(int(s.stop) - int(s.start), 0) for s in box)
    return rows * columns


def _fine(
    coarse: dict[str, FloatArray],
    grid: CoarseGrid,
    ys: NDArray[np.float64],
    xs: NDArray[np.float64],
    box: tuple[slice, slice],
) -> dict[str, FloatArray]:
    """Fields in a box of the plane."""
    stack = np.stack(list(coarse.values()))
    made = upsample(stack, grid.y_mm, grid.x_mm, ys[box[0]], xs[box[1]])
    return dict(zip(coarse, made, strict=True))


def _box(
    grid: CoarseGrid,
    used: NDArray[np.bool_],
    ys: NDArray[np.float64],
    xs: NDArray[np.float64],
    within: tuple[slice, slice] | None = None,
) -> tuple[slice, slice]:
    """Rows and columns that hold what is used of a coarse plane."""
    down = _extent(grid.y_mm, np.asarray(used.any(axis=1)), ys)
    across = _extent(grid.x_mm, np.asarray(used.any(axis=0)), xs)
    if within is None:
        return down, across
    return (
        slice(max(down.start, within[0].start), min(down.stop, within[0].stop)),
        slice(max(across.start, within[1].start), min(across.stop, within[1].stop)),
    )


def upsample(
    coarse: FloatArray,
    y_mm: Field,
    x_mm: Field,
    ys: NDArray[np.float64],
    xs: NDArray[np.float64],
) -> FloatArray:
    """Interpolate planes (n, ny, nx) to points ys, xs (Catmull-Rom), in blocks of few weights."""
    wide = _along_last(coarse, interpolation_matrix(x_mm, xs))
    tall = _along_last(np.swapaxes(wide, 1, 2), interpolation_matrix(y_mm, ys))
    return np.swapaxes(tall, 1, 2)


def _along_last(values: FloatArray, matrix: Field, block: int = 48) -> FloatArray:
    out = np.empty((*values.shape[:-1], len(matrix)), dtype=np.float32)
    for first in range(0, len(matrix), block):
        rows = matrix[first : first + block]
        used = np.nonzero(rows.any(axis=0))[0]
        span = slice(int(used[0]), int(used[-1]) + 1)
        out[..., first : first + block] = values[..., span] @ rows[:, span].T
    return out


def _extent(coarse_mm: Field, used: NDArray[np.bool_], fine_mm: NDArray[np.float64]) -> slice:
    if not used.any():
        return slice(0, 1)
    low, high = coarse_mm[used][[0, -1]]
    first, last = np.searchsorted(fine_mm, (low, high))
    first = int(min(first, len(fine_mm) - 1))
    return slice(first, int(max(last, first + 1)))


def _paint_fissures(
    out: FloatArray,
    lung: FloatArray,
    fissures: Fissures,
    body: Anatomy,
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
    z: float,
    pixel_mm: float,
) -> None:
    x, y = xs[None, :], ys[:, None]
    right = np.broadcast_to(x < 0, out.shape)
    width = max(0.45, 0.5 * pixel_mm)
    fade = body.fissure_hu * 0.45 / width
    for which, side in ((0, right), (1, ~right), (2, right)):
        distance = ((z - fissures.surface(which, x, y)) * fissures.steepness(which)).astype(
            np.float32
        )
        near = np.abs(distance) < 3.0 * width
        near &= side
        if which == 2:
            near &= z > fissures.surface(0, x, y)
        if near.any():
            patchy = 0.65 + 0.35 * np.sin(0.05 * (np.broadcast_to(x, out.shape)[near] + z))
            profile = np.exp(-((distance[near] / width) ** 2)) * patchy * lung[near]
            out[near] += (fade * profile).astype(np.float32)
