"""Put one nodule into a CT volume as the scanner would have shown it.

The nodule's material is laid out on a grid finer than the volume's, blurred like the scanner
blurs, and averaged into voxels, so that partial volume is right at every slice thickness. It then
replaces air, not tissue (see :func:`nodulus.transforms.insertion.air_replacement.replace_air`):
what is denser than the nodule stays, so that a nodule at the chest wall or a vessel merges with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import affine_transform, gaussian_filter

from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.air_replacement import replace_air
from nodulus.transforms.insertion.nodule_appearance import correlated_noise, nodule_material
from nodulus.transforms.insertion.nodule_cavity import cavity_share, fill_with_air
from nodulus.transforms.insertion.nodule_spicules import (
    Strand,
    draw_strands,
    paint_strands,
    shifted,
)

FloatArray = NDArray[np.float64]

_FAR_MM = 20.0
# Readers draw round a small nodule, but along a larger one: how far outside the half-way density
# the outline runs (mm), by equivalent radius (mm). Measured on real crops of LIDC-IDRI;
# small ones differ much from each other.
_EXCESS_RADIUS_MM, _LARGE_EXCESS_MM, _SMALL_EXCESS_MM = (3.0, 4.5), 0.1, (0.0, 0.6)
_EDGE_MM = {1: 1.7, 2: 1.25, 3: 0.9, 4: 0.65, 5: 0.5}
_UNEVEN_MM = {1: 0.7, 2: 0.5, 3: 0.35, 4: 0.2, 5: 0.15}
# Denser lung around a nodule, fitted by eye and profile to real ones in LIDC-IDRI.
_HALO_FILL = 0.25
_SMALL_HALO = 0.5
_HALO_MM = 1.6
_REACH_MM = 3.0


@dataclass(frozen=True, eq=False)
class RenderedNodule:
    """The part of a volume that a nodule changes.

    Args:
        box: slices (I, R, C) into the volume.
        hu: new values of the box, float32.
        mask: the nodule's voxels in the box: those whose centre lies inside its outline.
    """

    box: Box
    hu: NDArray[np.float32]
    mask: NDArray[np.bool_]


def render_nodule(
    hu: NDArray[np.generic],
    geometry: Geometry,
    sdf_mm: NDArray[np.float32],
    sdf_spacing_mm: float,
    center_lps_mm: ArrayLike,
    *,
    rng: np.random.Generator,
    sdf_center_irc: ArrayLike | None = None,
    rotation: ArrayLike | None = None,
    scale: float = 1.0,
    texture: float = 5.0,
    calcification: float = 6.0,
    margin: float = 5.0,
    spiculation: float = 1.0,
    blur_sigma_mm: float = 0.5,
    outline_excess_mm: float | None = None,
    wall_mm: float | None = None,
) -> RenderedNodule:
    """Render a nodule; the volume itself is not changed.

    Args:
        hu: the volume, shape (I, R, C), Hounsfield units.
        geometry: of ``hu``.
        sdf_mm: signed distance to the nodule's outline, negative inside; axes (I, R, C) along
            +z, +y, +x of LPS.
        sdf_spacing_mm: its isotropic spacing.
        center_lps_mm: where the nodule's centre goes.
        rng: source of randomness.
        sdf_center_irc: the nodule's centre as index of ``sdf_mm``; by default the array's middle.
        rotation: 3x3 orthogonal matrix (mirroring allowed) from the shape's LPS axes to the
            patient's; by default none.
        scale: factor on the shape's size.
        texture: LIDC-IDRI rating, 1 ground glass to 5 solid; see :func:`nodule_material`.
        calcification: LIDC-IDRI rating, 1 to 5 are kinds of calcification, 6 is none.
        margin: LIDC-IDRI rating, 1 poorly defined to 5 sharp.
        spiculation: LIDC-IDRI rating, 1 none to 5 marked.
        blur_sigma_mm: of the scanner's point spread (Gaussian).
        outline_excess_mm: how far outside the half-way density the outline runs; by default drawn
            from what readers do at the nodule's size.
        wall_mm: mean thickness of a cavity's wall; by default there is no cavity. What is not as
            deep has none.

    Raises:
        ValueError: ``hu`` and ``geometry`` disagree, the rotation is not orthogonal, the scale is
            not positive, or the nodule lies outside the volume.
    """
    center = np.asarray(center_lps_mm, dtype=np.float64).reshape(3)
    turn = np.eye(3) if rotation is None else np.asarray(rotation, dtype=np.float64)
    _check(hu, geometry, turn, scale)
    middle = (np.array(sdf_mm.shape) - 1) / 2 if sdf_center_irc is None else sdf_center_irc
    # Index of the volume -> index of the shape: patient mm, turned back, z y x.
    turn_back = (turn.T / (scale * sdf_spacing_mm))[::-1]
    matrix = turn_back @ geometry.affine_lps[:3, :3]
    offset = turn_back @ (geometry.affine_lps[:3, 3] - center) + np.asarray(middle)

    sdf_scaled = np.asarray(sdf_mm, dtype=np.float32) * np.float32(scale)
    radius_mm = float(np.cbrt(3 * np.count_nonzero(sdf_mm < 0) / (4 * np.pi))) * sdf_spacing_mm
    if outline_excess_mm is None:
        excess_mm = (rng.uniform(*_SMALL_EXCESS_MM), _LARGE_EXCESS_MM)
        outline_excess_mm = float(np.interp(radius_mm * scale, _EXCESS_RADIUS_MM, excess_mm))
    inset_mm = outline_excess_mm / scale
    strands = draw_strands(radius_mm=radius_mm * scale, spiculation=spiculation, rng=rng)
    strands = [
        shifted(strand, _root_mm(strand, sdf_mm, sdf_spacing_mm, middle, turn, inset_mm) * scale)
        for strand in strands
    ]
    paths = [strand.points_mm + center for strand in strands]
    box = _box(geometry, sdf_mm, np.asarray(np.linalg.inv(matrix)), offset, paths)
    start = np.array([axis.start for axis in box], dtype=np.float64)
    shape = tuple(axis.stop - axis.start for axis in box)

    mask = _sampled(sdf_scaled, matrix, offset + matrix @ start, shape) < 0
    if not mask.any():
        nearest = np.round(geometry.lps_to_index(center)).astype(int)
        if np.all(nearest >= 0) and np.all(nearest < geometry.shape_irc):
            mask[tuple(nearest - start.astype(int))] = True

    spacing = np.array(geometry.spacing_irc_mm)
    factor = np.maximum(np.ceil(spacing / 0.72).astype(int), 1)
    fine_shape = tuple(int(n) for n in np.array(shape) * factor)
    fine_mm = (
        float(spacing[0] / factor[0]),
        float(spacing[1] / factor[1]),
        float(spacing[2] / factor[2]),
    )
    # Centre of fine voxel k in volume index: start + (k + 0.5) / factor - 0.5.
    fine_start = start + 0.5 / factor - 0.5
    fine_sdf = _sampled(sdf_scaled, matrix / factor, offset + matrix @ fine_start, fine_shape)
    grade = int(np.clip(round(margin), 1, 5))
    fine_sdf += _border_shift(fine_sdf, fine_mm, outline_excess_mm, grade, rng)
    material = nodule_material(
        fine_sdf, fine_mm, texture=texture, calcification=calcification, rng=rng
    )
    softest_mm = 1.0 if texture < 2.5 else 0.0
    edge_mm = max(_EDGE_MM[grade], 0.5 * float(np.mean(fine_mm)), softest_mm)
    halo = _HALO_FILL * rng.uniform(0.4, 1.4)
    halo *= float(np.interp(radius_mm * scale, _EXCESS_RADIUS_MM, (_SMALL_HALO, 1.0)))
    fill = material.fill * _share_inside(fine_sdf, edge_mm, halo)
    if strands:
        to_fine = np.linalg.inv(geometry.affine_lps[:3, :3]) * factor[:, np.newaxis]
        origin = (geometry.lps_to_index(center) - fine_start) * factor
        paint_strands(fill, strands, to_fine, origin)
    sigma = blur_sigma_mm / np.array(fine_mm)
    cavity = None if wall_mm is None else cavity_share(fine_sdf, fine_mm, wall_mm, rng)
    solid = fill if cavity is None else fill * (1.0 - cavity)
    weight, tissue_hu = _seen(solid, material.tissue_hu, factor, sigma)
    new_hu = replace_air(hu, box, spacing, weight, tissue_hu)
    if cavity is not None:
        new_hu = fill_with_air(new_hu, hu[box], spacing, _pooled(cavity, factor, sigma))
    return RenderedNodule(box, new_hu, mask)


def _check(hu: NDArray[np.generic], geometry: Geometry, turn: FloatArray, scale: float) -> None:
    if hu.shape != geometry.shape_irc:
        raise ValueError(f"hu has shape {hu.shape}, its geometry {geometry.shape_irc}")
    if turn.shape != (3, 3) or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-6):
        raise ValueError(f"rotation must be an orthogonal 3x3 matrix, got {turn!r}")
    if not scale > 0:
        raise ValueError(f"scale must be positive, got {scale}")


def _border_shift(
    sdf_mm: NDArray[np.float32],
    spacing_mm: tuple[float, float, float],
    excess_mm: float,
    margin: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """From the readers' outline to the half-way density, uneven as the margin is."""
    depth_mm = max(float(-sdf_mm.min()), 0.0)
    uneven_mm = min(_UNEVEN_MM[margin], 0.25 * depth_mm)
    noise = correlated_noise(sdf_mm.shape, spacing_mm, 2.0, rng)
    return np.asarray(min(excess_mm, 0.25 * depth_mm) + uneven_mm * noise, dtype=np.float32)


def _share_inside(sdf_mm: NDArray[np.float32], edge_mm: float, halo: float) -> NDArray[np.float32]:
    """How much of the nodule's fill there is: 1 inside, a smooth edge, a thinning halo."""
    inside = np.clip(0.5 - sdf_mm / (2.0 * edge_mm), 0.0, 1.0)
    inside = inside * inside * (3.0 - 2.0 * inside)
    outside = np.maximum(sdf_mm, 0.0)
    # Fades to nothing at the border of the box.
    fade = halo * np.exp(-outside / _HALO_MM) * np.clip((_REACH_MM - outside) / 1.0, 0.0, 1.0)
    return np.asarray(inside + (1.0 - inside) * fade, dtype=np.float32)


def _root_mm(
    strand: Strand,
    sdf_mm: NDArray[np.float32],
    spacing_mm: float,
    middle: ArrayLike,
    turn: FloatArray,
    inset_mm: float,
) -> FloatArray:
    """Where a strand leaves the (unscaled) nodule: ``inset_mm`` inside the outline."""
    direction = strand.points_mm[-1] / np.linalg.norm(strand.points_mm[-1])
    out_mm = np.arange(0.0, max(sdf_mm.shape) * spacing_mm, spacing_mm)
    local = (turn.T @ direction)[::-1]
    index = np.round(np.asarray(middle) + out_mm[:, np.newaxis] * local / spacing_mm).astype(int)
    index = index[np.all((index >= 0) & (index < sdf_mm.shape), axis=1)]
    inside = np.flatnonzero(sdf_mm[tuple(index.T)] < -0.5 * spacing_mm)
    last = float(out_mm[inside[-1]]) if inside.size else 0.0
    return np.asarray(max(last - inset_mm, 0.0) * direction)


def _box(
    geometry: Geometry,
    sdf_mm: NDArray[np.float32],
    back: FloatArray,
    offset: FloatArray,
    paths_lps_mm: list[FloatArray],
) -> Box:
    """The voxels that the nodule, its soft edge and its strands can reach."""
    shell = np.argwhere((sdf_mm >= 0) & (sdf_mm < _REACH_MM))
    spots = [np.asarray((shell - offset) @ back.T)]
    spots += [geometry.lps_to_index(path) for path in paths_lps_mm]
    points = np.concatenate(spots)
    first = np.clip(np.floor(points.min(axis=0)) - 1, 0, geometry.shape_irc).astype(int)
    last = np.clip(np.ceil(points.max(axis=0)) + 2, 0, geometry.shape_irc).astype(int)
    if np.any(last <= first):
        raise ValueError("the nodule lies outside the volume")
    return box_between(first, last)


def _sampled(
    sdf: NDArray[np.float32], matrix: FloatArray, offset: FloatArray, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    sampled = affine_transform(
        sdf, matrix, offset, output_shape=shape, order=1, mode="constant", cval=_FAR_MM
    )
    return np.asarray(sampled, dtype=np.float32)


def _seen(
    fill: NDArray[np.float32],
    tissue_hu: NDArray[np.float32],
    factor: NDArray[np.int_],
    sigma: FloatArray,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each voxel's share of tissue and that tissue's mean density."""
    weight = _pooled(fill, factor, sigma)
    tissue = _pooled(fill * tissue_hu, factor, sigma) / np.maximum(weight, np.float32(1e-6))
    return weight, np.asarray(tissue, dtype=np.float32)


def _pooled(
    field: NDArray[np.float32], factor: NDArray[np.int_], sigma: FloatArray
) -> NDArray[np.float32]:
    """Blur and average into voxels."""
    voxels = [n for size, f in zip(field.shape, factor, strict=True) for n in (size // f, f)]
    blurred = gaussian_filter(field, sigma, mode="nearest", truncate=3.0)
    return np.asarray(blurred.reshape(voxels).mean(axis=(1, 3, 5)), dtype=np.float32)
