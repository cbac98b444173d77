"""From fields to voxels: every tissue in its order, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bundles.common.phantom.anatomy import Anatomy
from bundles.common.phantom.grid import CoarseGrid, Field, interpolation_matrix
from bundles.common.phantom.lungs import Fissures
from bundles.common.phantom.table import AIR_HU, Table, paint_table
from bundles.common.phantom.texture import FineTexture
from transforms.geometry import Geometry

FloatArray = NDArray[np.float32]

FAT_HU, MUSCLE_HU, SKIN_HU = -100.0, 52.0, 30.0
CORTEX_HU, MARROW_HU, CARTILAGE_HU = 780.0, 170.0, 105.0


@dataclass(frozen=True, eq=False)
class ChestFields:
    """Signed distances (mm, negative inside) and densities on one coarse grid."""

    skin: Field
    muscle: Field
    cavity: Field
    bone: Field
    cartilage: Field
    soft: Field
    blood: Field
    organs: Field
    bowel_air: Field
    lungs: Field
    lung_hu: Field
    marbling: Field


_LUNG_HU = list(ChestFields.__dataclass_fields__).index("lung_hu")


def render(
    fields: ChestFields,
    grid: CoarseGrid,
    body: Anatomy,
    fissures: Fissures,
    texture: FineTexture,
    geometry: Geometry,
    table: Table,
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Paint everything but tubes and nodules.

    Args:
        fields: what to paint.
        grid: where the fields are sampled.
        body: the densities.
        fissures: the sheets.
        texture: the lung's fine texture.
        geometry: axial grid in anatomy mm.
        table: what the body lies on.

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
    stack = [getattr(fields, name) for name in ChestFields.__dataclass_fields__]
    hu = np.empty(geometry.shape_irc, dtype=np.float32)
    share = np.zeros(geometry.shape_irc, dtype=np.uint8)
    for n, z in enumerate(zs):
        at = float(np.clip((z - grid.z_mm[0]) / grid.step_mm, 0, len(grid.z_mm) - 1.001))
        low = int(at)
        part = np.float32(at - low)
        coarse = np.stack([(1 - part) * f[low] + part * f[low + 1] for f in stack])
        hu[n] = empty
        # Beyond the skin there is nothing to paint.
        down = _extent(grid.y_mm, (coarse[0] < 6.0).any(axis=1), ys)
        across = _extent(grid.x_mm, (coarse[0] < 6.0).any(axis=0), xs)
        values = upsample(coarse, grid.y_mm, grid.x_mm, ys[down], xs[across])
        box = (n, down, across)
        fine = texture.plane(xs[across], ys[down], float(z)) * np.float32(body.texture_hu)
        # Where emphysema has emptied the lung there is nothing to be uneven.
        values[_LUNG_HU] += fine * np.clip((values[_LUNG_HU] + 980.0) / 80.0, 0.0, 1.0)
        lung = _paint(hu[box], values, body, 1.0 / float(spacing[1]))
        _paint_fissures(
            hu[box], lung, fissures, body, xs[across], ys[down], float(z), float(spacing[1])
        )
        share[box] = lung * 255
    return hu, share


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


def _inside(distance: FloatArray, sharpness: float) -> FloatArray:
    return np.asarray(np.clip(0.5 - distance * np.float32(sharpness), 0, 1), dtype=np.float32)


def _blend(image: FloatArray, value: float | FloatArray, weight: FloatArray) -> None:
    image += (value - image) * weight


def _paint(out: FloatArray, values: FloatArray, body: Anatomy, sharpness: float) -> FloatArray:
    (skin, muscle, cavity, bone, cartilage, soft, blood, organs, bowel, lungs, lung_hu,
     marbling) = values  # fmt: skip
    fat = FAT_HU + 9.0 * marbling
    _blend(out, SKIN_HU, _inside(skin, sharpness))
    _blend(out, fat, _inside(skin + 1.8, sharpness))
    flesh = MUSCLE_HU + 6.0 * marbling
    weight = _inside(muscle, sharpness)
    # Fat lies in sheets between the layers of muscle; through the wall this runs from 0 to 1.
    depth = cavity / np.maximum(cavity - muscle, 4.0) + 0.025 * marbling
    sheet = np.maximum(
        np.clip(1.0 - np.abs(depth - 0.5) * 22.0, 0, 1),
        np.clip(1 - np.abs(depth - 0.78) * 26, 0, 1),
    )
    sheet *= np.clip((cavity - 9.0) * 0.4, 0, 1) * np.clip(0.75 + 0.5 * marbling, 0, 1)
    _blend(out, flesh - (flesh - fat) * sheet, weight)
    inner = _inside(cavity, sharpness)
    _blend(out, fat + 14.0 * np.maximum(marbling, 0), inner)
    _blend(
        out,
        60.0 + (45.0 if body.has_contrast else 0.0) + 4.0 * marbling,
        _inside(organs, sharpness),
    )
    _blend(out, AIR_HU, _inside(bowel, sharpness))
    _blend(out, 42.0 + (40.0 if body.has_contrast else 0.0), _inside(soft, sharpness))
    _blend(out, body.blood_hu, _inside(blood, sharpness))
    lung = _inside(lungs, sharpness)
    _blend(out, lung_hu, lung)
    _blend(out, CARTILAGE_HU, _inside(cartilage, sharpness))
    _blend(out, CORTEX_HU - 160.0 * np.clip(marbling, -1, 1), _inside(bone, sharpness))
    _blend(out, MARROW_HU + 60.0 * marbling, _inside(bone + 1.1, sharpness))
    return lung


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
