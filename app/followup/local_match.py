"""Where the surroundings of one point of a scan lie in another, by normalised cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.followup.cross_correlation import cross_correlation, masked_cross_correlation
from nodulus.app.followup.matching_rule import MatchingRule, shipped_matching_rule
from nodulus.app.followup.register import RegisteredScan, Registration

_CLIP_HU = (-1000.0, 200.0)


@dataclass(frozen=True)
class LocalMatch:
    """The place of a point of the current scan in the prior one.

    Args:
        prior_lps_mm: where it lies.
        moved_mm: how far that is from where the affine transform has it.
        correlation: of the surroundings, -1 to 1.
        accepted: whether the correlation was high enough to move it; else it stays where the
            affine transform has it.
    """

    prior_lps_mm: tuple[float, float, float]
    moved_mm: float
    correlation: float
    accepted: bool


def local_match(
    prior: RegisteredScan,
    current: RegisteredScan,
    registration: Registration,
    point_lps_mm: tuple[float, float, float],
    rule: MatchingRule | None = None,
) -> LocalMatch:
    """Find the surroundings of a point of the current scan in the prior one.

    A cube of the current scan is compared by normalised cross-correlation (Lewis 1995) at 1 mm with
    the prior scan, warped by the affine transform, at every shift of the search range. Where a scan
    ends within the cube, only what lies in both scans counts (Padfield 2012).

    Args:
        prior: the earlier scan.
        current: the later one.
        registration: between them.
        point_lps_mm: in the current scan.
        rule: edge of the cube, search range, least correlation and overlap; None for the shipped
            one.
    """
    rule = rule or shipped_matching_rule()
    point = np.asarray(point_lps_mm)
    half, search = int(rule.template_mm / 2), int(rule.search_mm)
    template, known = _cube(current, point + _grid(half))
    searched, known_there = _cube(prior, registration.to_prior(point + _grid(half + search)))
    expected = registration.to_prior(point)
    if not known.any() or float(template[known].std()) < 1e-3:
        return LocalMatch(_point(expected), 0.0, 0.0, accepted=False)
    if known.all() and known_there.all():
        correlations = cross_correlation(searched, template)
    else:
        correlations = masked_cross_correlation(
            searched, template, known_there, known, rule.least_overlap
        )
    best = np.unravel_index(int(np.argmax(correlations)), correlations.shape)
    correlation = float(correlations[best])
    if correlation < rule.least_correlation:
        return LocalMatch(_point(expected), 0.0, correlation, accepted=False)
    found = registration.to_prior(point + (np.asarray(best) - search))
    return LocalMatch(
        _point(found), float(np.linalg.norm(found - expected)), correlation, accepted=True
    )


def _grid(half: int) -> NDArray[np.float64]:
    """Offsets of a cube of 1 mm around a point, shape (n, n, n, 3) in LPS mm."""
    line = np.arange(-half, half + 1, dtype=np.float64)
    return np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1)


def _cube(
    scan: RegisteredScan, points_lps_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """HU at points of shape (..., 3), scaled to 0 to 1, and where the scan has them; else air."""
    index = scan.geometry.lps_to_index(points_lps_mm)
    last = np.asarray(scan.hu.shape) - 1
    known = np.all((index >= -0.5) & (index <= last + 0.5), axis=-1)
    low = np.maximum(np.floor(index.min(axis=(0, 1, 2))).astype(int) - 1, 0)
    high = np.minimum(np.ceil(index.max(axis=(0, 1, 2))).astype(int) + 2, scan.hu.shape)
    if not known.any() or np.any(high <= low):
        return np.zeros(points_lps_mm.shape[:-1], dtype=np.float32), np.zeros_like(known)
    block = scan.hu[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    values = ndimage.map_coordinates(
        block.astype(np.float32), np.moveaxis(index - low, -1, 0), order=1, mode="nearest"
    )
    air, dense = _CLIP_HU
    scaled = np.where(known, (np.clip(values, air, dense) - air) / (dense - air), 0.0)
    return scaled.astype(np.float32), known


def _point(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
