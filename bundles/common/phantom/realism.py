"""How a chest CT looks to a detector, in numbers: the same measures for a real and a made one.

- The HU histogram inside the lungs.
- How much of the lung is tube-like, by the tube's size and the depth under the pleura, with the
  multi-scale filter of Sato et al. (Medical Image Analysis 2(2), 1998).
- Local texture: deviation within 5 mm where there is no tube, and the grey-level co-occurrence of
  Haralick et al. (IEEE Trans SMC 3(6), 1973) at 1 mm.
- The noise power spectrum (ICRU Report 87, 2012), in soft tissue and in quiet lung.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from skimage.feature import graycomatrix, graycoprops
from skimage.filters import sato

from transforms.geometry import Geometry
from transforms.lungs import find_lungs

FloatArray = NDArray[np.float32]
Measures = dict[str, Any]

HISTOGRAM_HU = np.arange(-1050.0, 201.0, 10.0)
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
TUBE_SIGMAS_MM = (1.0, 1.4, 2.0, 2.8, 4.0)
TUBE_RESPONSE_HU = 60.0
DEPTHS_MM = (2.5, 7.0, 13.0, 20.0, 80.0)
FREQUENCIES = np.arange(0.0, 0.91, 0.05)
_BLOCK_MM, _EDGE_MM = 44, 8
_ROI, _ROIS = 32, 60
_PLEURA_MM = 2.5
_CLOSING_MM = 6.0
_GAS_HU = -940.0


@dataclass(frozen=True, eq=False)
class InnerLungs:
    """Lungs with their vessels.

    Args:
        depth_mm: distance to the pleura on a coarse grid, 0 outside.
        geometry: of the coarse grid.
        mask: more than 2.5 mm deep, on the volume's grid.
    """

    depth_mm: FloatArray
    geometry: Geometry
    mask: NDArray[np.bool_]


def measure(
    hu: NDArray[np.int16], geometry: Geometry, rng: np.random.Generator, blocks: int = 30
) -> Measures:
    """Measure one volume.

    Args:
        hu: shape (I, R, C).
        geometry: of ``hu``.
        rng: chooses the blocks of lung and the squares that are looked at.
        blocks: how many cubes of lung to search for tubes and texture.

    Raises:
        ValueError: no lungs were found.
    """
    lungs = inner_lungs(hu, geometry)
    inside = hu[lungs.mask]
    counts, _ = np.histogram(inside, HISTOGRAM_HU)
    pixel = geometry.spacing_irc_mm[1]
    smooth = np.empty(hu.shape, dtype=np.float32)
    for n, plane in enumerate(hu):
        ndimage.gaussian_filter(plane.astype(np.float32), 1.8 / pixel, output=smooth[n])
    tissue = (smooth > -10) & (smooth < 350) & (hu > -150)
    # Gas of the bowel or the windpipe that was taken for lung is more even than any lung.
    quiet = lungs.mask & (smooth < -700) & (smooth > _GAS_HU)
    return {
        "spacing_mm": [round(float(s), 4) for s in geometry.spacing_irc_mm],
        "lung_litres": round(float(lungs.mask.sum()) * geometry.voxel_volume_mm3 / 1e6, 2),
        "percentiles_hu": {str(p): float(np.percentile(inside, p)) for p in PERCENTILES},
        "share_below_-950": round(float(np.mean(inside < -950)), 4),
        "share_above_-500": round(float(np.mean(inside > -500)), 4),
        "histogram": [round(float(v), 6) for v in counts / counts.sum()],
        **_in_blocks(hu, lungs, geometry, blocks, rng),
        "noise_tissue": noise_power(hu, smooth, tissue, pixel, rng),
        "noise_lung": noise_power(hu, smooth, quiet, pixel, rng),
    }


def inner_lungs(hu: NDArray[np.int16], geometry: Geometry) -> InnerLungs:
    """Find the lungs, closed over vessels alone.

    Raises:
        ValueError: there are none.
    """
    region = find_lungs(hu, geometry)
    if region is None:
        raise ValueError("no lungs were found")
    spacing = region.geometry.spacing_irc_mm
    pad = [(int(np.ceil(_CLOSING_MM / s)) + 1,) * 2 for s in spacing]
    grown = ndimage.distance_transform_edt(~np.pad(region.aerated, pad), sampling=spacing)
    shrunk = ndimage.distance_transform_edt(grown <= _CLOSING_MM, sampling=spacing)
    middle = tuple(slice(p[0], -p[0]) for p in pad)
    depth = np.maximum(shrunk - _CLOSING_MM, 0.0)[middle].astype(np.float32)
    mask = replace(region, mask=depth > _PLEURA_MM).on(geometry)
    return InnerLungs(depth, region.geometry, mask)


def _in_blocks(
    hu: NDArray[np.int16],
    lungs: InnerLungs,
    geometry: Geometry,
    blocks: int,
    rng: np.random.Generator,
) -> Measures:
    """Tubes and texture in cubes of lung, resampled to 1 mm."""
    middles = np.argwhere(lungs.depth_mm > _PLEURA_MM)
    chosen = lungs.geometry.index_to_lps(middles[rng.choice(len(middles), blocks)])
    offsets = np.arange(_BLOCK_MM) - (_BLOCK_MM - 1) / 2
    grid = np.stack(np.meshgrid(offsets, offsets, offsets, indexing="ij"), axis=-1)[..., ::-1]
    core = (slice(_EDGE_MM, -_EDGE_MM),) * 3
    tubes = np.zeros((len(DEPTHS_MM) - 1, len(TUBE_SIGMAS_MM)))
    seen = np.zeros(len(DEPTHS_MM) - 1)
    deviations, glcm = [], []
    for center in chosen:
        points = (grid + center).reshape(-1, 3)
        block = _sampled(hu, geometry, points, 1).reshape(grid.shape[:3])
        depth = _sampled(lungs.depth_mm, lungs.geometry, points, 1).reshape(grid.shape[:3])
        inside = depth[core] > _PLEURA_MM
        if inside.sum() < 2000:
            continue
        # What is not lung would answer too: it becomes lung of middle density.
        level = float(np.median(block[depth > _PLEURA_MM]))
        lung = np.where(depth > 1.0, block, level)
        answers = np.stack([sato(lung, [s], black_ridges=False)[core] for s in TUBE_SIGMAS_MM])
        best, size = answers.max(axis=0), answers.argmax(axis=0)
        is_tube = inside & (best > TUBE_RESPONSE_HU)
        for n, (low, high) in enumerate(pairwise(DEPTHS_MM)):
            there = inside & (depth[core] > low) & (depth[core] <= high)
            seen[n] += there.sum()
            tubes[n] += np.bincount(size[there & is_tube], minlength=len(TUBE_SIGMAS_MM))
        quiet = inside & (best < 0.5 * TUBE_RESPONSE_HU) & (block[core] < -600)
        mean = ndimage.uniform_filter(lung, 5)
        square = ndimage.uniform_filter(lung**2, 5)
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))[core]
        deviations.append(deviation[quiet][::7])
        glcm.append(_cooccurrence(lung[core]))
    values = np.concatenate(deviations)
    share = tubes / np.maximum(seen, 1.0)[:, None]
    return {
        "tube_share_by_size": [round(float(v), 5) for v in tubes.sum(axis=0) / seen.sum()],
        "tube_share_by_depth": [round(float(v), 4) for v in share.sum(axis=1)],
        "tube_share_by_depth_and_size": [[round(float(v), 5) for v in row] for row in share],
        "local_deviation_hu": {
            str(p): round(float(np.percentile(values, p)), 1) for p in (10, 50, 90)
        },
        "cooccurrence": {
            name: round(float(np.mean([g[name] for g in glcm])), 4) for name in glcm[0]
        },
    }


def _sampled(
    volume: NDArray[np.generic], geometry: Geometry, points: NDArray[np.float64], order: int
) -> FloatArray:
    index = geometry.lps_to_index(points)
    low = np.clip(np.floor(index.min(axis=0)) - 1, 0, None).astype(int)
    high = np.ceil(index.max(axis=0)).astype(int) + 2
    box = volume[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    if 0 in box.shape:
        return np.zeros(len(points), dtype=np.float32)
    inside = (index - low).T
    return np.asarray(
        ndimage.map_coordinates(box.astype(np.float32), inside, order=order, mode="nearest")
    )


def _cooccurrence(block: FloatArray) -> dict[str, float]:
    """Mean over planes and directions; 32 levels from -1000 to -400 HU."""
    levels = np.clip((block + 1000.0) / (600.0 / 32), 0, 31).astype(np.uint8)
    names = ("contrast", "homogeneity", "correlation", "energy")
    total = dict.fromkeys(names, 0.0)
    planes = levels[::6]
    for plane in planes:
        matrix = graycomatrix(plane, [1], [0, np.pi / 2], 32, symmetric=True, normed=True)
        for name in names:
            total[name] += float(graycoprops(matrix, name).mean()) / len(planes)
    return total


def noise_power(
    hu: NDArray[np.int16],
    smooth: FloatArray,
    where: NDArray[np.bool_],
    pixel_mm: float,
    rng: np.random.Generator,
) -> Measures:
    """Noise in the most even of many squares that lie in ``where``.

    Returns:
        Deviation (HU), mean frequency (1/mm), the normalised power spectrum over
        :data:`FREQUENCIES` and the correlation of a square with the next slice's. Empty or None
        where there is no such square.
    """
    area = ndimage.uniform_filter(where[:, ::4, ::4].astype(np.float32), (0, _ROI // 4, _ROI // 4))
    places = np.argwhere(area > 0.97) * (1, 4, 4)
    if len(places) == 0:
        return {"deviation_hu": None, "mean_frequency": None, "power": [], "next_slice": None}
    places = places[rng.choice(len(places), min(len(places), 1500), replace=False)]
    half = _ROI // 2
    squares: list[tuple[float, FloatArray, float]] = []
    for i, r, c in places:
        box = (slice(r - half, r + half), slice(c - half, c + half))
        if hu[i][box].shape != (_ROI, _ROI):
            continue
        here = _detrended(hu[i][box])
        after = _detrended(hu[i + 1 if i + 1 < len(hu) else i - 1][box])
        together = float((here * after).mean() / max(here.std() * after.std(), 1e-6))
        squares.append((float(smooth[i][box].std()), here, together))
    squares = sorted(squares, key=lambda s: s[0])[:_ROIS]
    taper = np.outer(np.hanning(_ROI), np.hanning(_ROI))
    power = np.mean([np.abs(fft.fft2(s[1] * taper)) ** 2 for s in squares], axis=0)
    f = fft.fftfreq(_ROI, pixel_mm)
    radius = np.hypot(f[:, None], f[None, :])
    counts, _ = np.histogram(radius, FREQUENCIES)
    total, _ = np.histogram(radius, FREQUENCIES, weights=power)
    radial = total / np.maximum(counts, 1)
    middle = 0.5 * (FREQUENCIES[1:] + FREQUENCIES[:-1])
    weight = radial * middle
    return {
        "deviation_hu": round(float(np.mean([s[1].std() for s in squares])), 1),
        "mean_frequency": round(float((weight * middle).sum() / weight.sum()), 3),
        "power": [round(float(v), 4) for v in radial / (radial.sum() * 0.05)],
        "next_slice": round(float(np.mean([s[2] for s in squares])), 3),
    }


def _detrended(square: NDArray[np.generic]) -> FloatArray:
    """Without its best plane and curvature."""
    t = np.linspace(-1, 1, _ROI)
    y, x = (a.ravel() for a in np.meshgrid(t, t, indexing="ij"))
    base = np.stack([np.ones_like(x), x, y, x * y, x**2, y**2], axis=1)
    values = square.astype(np.float64).ravel()
    fit = base @ np.linalg.lstsq(base, values, rcond=None)[0]
    return np.asarray((values - fit).reshape(_ROI, _ROI), dtype=np.float32)
