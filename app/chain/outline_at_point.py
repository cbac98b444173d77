"""An outline at a point: by the segmentation, else by HU, else a ball."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.candidate_records import steady_center
from nodulus.app.chain.grow_at_point import grow_at_point
from nodulus.app.chain.models import Models
from nodulus.app.chain.native_mask import mask_diameter_mm, outline_of
from nodulus.app.chain.network.segment_nodules import segment_nodules
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate, make_candidate
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.windowing import window

_AROUND_MM = 40.0
"""Beyond what the segmentation looks at: its context, and half a classifier's crop."""
_ALIGNED = 32
"""Voxels: a part of the networks' grid begins at a multiple, as the strides of a U-Net want it, so
that the part shows what the whole would."""

OutlinedBy = Literal["segmentation", "segmentation-below-threshold", "grown", "ball"]
_Around = Callable[[float], tuple[NDArray[np.float32], Geometry]]
"""Gives the probability within a radius in mm of the point, and its grid."""


@dataclass(frozen=True, eq=False)
class SeenAlready:
    """What the segmentation has seen of a scan.

    Args:
        probability: float32, shape of ``grid``.
        grid: a grid over the volume's axes.
        searched: bool, shape of ``grid``: where it has looked.
    """

    probability: NDArray[np.float32]
    grid: Geometry
    searched: NDArray[np.bool_]

    def has(self, point_lps_mm: Sequence[float]) -> bool:
        """Whether it has looked at a point."""
        index = self.grid.lps_to_index(point_lps_mm)
        if not bool(self.grid.contains(index)):
            return False
        i, r, c = np.rint(index).astype(int)
        return bool(self.searched[i, r, c])


@dataclass(frozen=True, eq=False)
class OutlinedPoint:
    """What lies at a point.

    Args:
        box: of the volume.
        mask: bool, shape of the box, at least one voxel.
        peak_probability: the segmentation's highest one, in the outline or near the point.
        diameter_mm: of a ball of its volume.
        look_at_lps_mm: where the classifiers look at it.
        outlined_by: how.
        scan: the views in which they look.
    """

    box: Box
    mask: NDArray[np.bool_]
    peak_probability: float
    diameter_mm: float
    look_at_lps_mm: tuple[float, float, float]
    outlined_by: OutlinedBy
    scan: ScanViews


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the segmentation sees around a point."""

    candidate: Candidate
    probability: NDArray[np.float32]
    grid: Geometry
    threshold: float
    outlined_by: OutlinedBy


def outline_at_point(
    scan: ScanViews,
    models: Models,
    settings: ChainSettings,
    point_lps_mm: Sequence[float],
    seen_already: SeenAlready | None = None,
) -> OutlinedPoint:
    """Outline what lies at a point.

    Args:
        scan: the volume and its views.
        models: the segmentation looks at the point where it has not done so.
        settings: pipeline settings and operating points.
        point_lps_mm: LPS mm, within the volume.
        seen_already: what the segmentation has seen of the scan.
    """
    volume, bundle, pointed = scan.volume, models.segmentation, settings.pipeline.point
    lungs = scan.search_region
    bound = None if lungs is None else settings.pipeline.lung_bound(lungs)
    seen: _Seen | float = 0.0
    if seen_already is not None and seen_already.has(point_lps_mm):
        seen = _look(settings, point_lps_mm, _known(seen_already, point_lps_mm))
    elif bundle.input_kind == "isotropic_patches":  # others look at whole slices
        grid = scan.isotropic(bundle.isotropic_mm).geometry
        if not bool(grid.contains(grid.lps_to_index(point_lps_mm))):  # beyond the lungs' box
            part = _cut(volume, point_lps_mm, max(pointed.search_mm) + _AROUND_MM)
            scan = ScanViews(part, None, 0.0)
        seen = _look(settings, point_lps_mm, _looked(scan, models, settings, point_lps_mm))
    if isinstance(seen, _Seen):
        box, mask = outline_of(
            seen.candidate,
            seen.probability,
            seen.grid,
            volume,
            seen.threshold,
            settings.pipeline.outline_rule(),
            bound,
        )
        index = steady_center(seen.candidate, seen.probability, seen.threshold)
        x, y, z = (float(v) for v in seen.grid.index_to_lps(index))
        candidate = seen.candidate
        return OutlinedPoint(
            box,
            mask,
            candidate.peak_probability,
            mask_diameter_mm(mask, volume.geometry),
            (x, y, z),
            seen.outlined_by,
            scan,
        )
    box, mask, grown = grow_at_point(volume, point_lps_mm, pointed)
    index_irc = np.argwhere(mask).mean(axis=0) + [s.start for s in box]
    x, y, z = (float(v) for v in volume.geometry.index_to_lps(index_irc))
    diameter_mm = mask_diameter_mm(mask, volume.geometry)
    by: OutlinedBy = "grown" if grown else "ball"
    return OutlinedPoint(box, mask, seen, diameter_mm, (x, y, z), by, scan)


def _known(seen: SeenAlready, point_lps_mm: Sequence[float]) -> _Around:
    def around(radius_mm: float) -> tuple[NDArray[np.float32], Geometry]:
        box = _part(seen.grid, point_lps_mm, radius_mm + max(seen.grid.spacing_irc_mm))
        probability = seen.probability[box]
        return probability, seen.grid.cropped([s.start for s in box], probability.shape)

    return around


def _looked(
    scan: ScanViews, models: Models, settings: ChainSettings, point_lps_mm: Sequence[float]
) -> _Around:
    bundle = models.segmentation
    view = scan.isotropic(bundle.isotropic_mm)

    def around(radius_mm: float) -> tuple[NDArray[np.float32], Geometry]:
        box = _part(view.geometry, point_lps_mm, radius_mm + _AROUND_MM)
        hu = view.hu[(slice(None), *box)]
        grid = view.geometry.cropped([s.start for s in box], hu.shape[1:])
        wanted = np.zeros(grid.shape_irc, bool)
        ball, distance = _within(grid, point_lps_mm, radius_mm)
        wanted[ball] = distance <= radius_mm
        probability = segment_nodules(
            hu,
            wanted,
            bundle.network,
            scale=lambda hu: window(hu, bundle.window_hu, bundle.input_range),
            roi_size=bundle.roi_size,
            pipeline=settings.pipeline,
            device=models.device,
        )
        return probability, grid

    return around


def _look(settings: ChainSettings, point_lps_mm: Sequence[float], around: _Around) -> _Seen | float:
    """What the segmentation sees at a point; its highest probability near it where nothing."""
    pointed, seen = settings.pipeline.point, None
    for radius in pointed.search_mm:
        probability, grid = around(radius)
        voxel_mm = max(grid.spacing_irc_mm)
        near_mm = max(pointed.near_mm, voxel_mm)
        ball, distance = _within(grid, point_lps_mm, max(radius, near_mm))
        inside = probability[ball]
        near = np.flatnonzero(distance.ravel() <= near_mm)
        values = inside.ravel()[near]
        peak = float(values.max())
        if peak < pointed.least_probability:
            return peak
        threshold = settings.operating_points.segmentation_voxel.threshold
        outlined_by: OutlinedBy = "segmentation"
        if peak < threshold:
            threshold, outlined_by = pointed.share_of_peak * peak, "segmentation-below-threshold"
        # Of all voxels near the point that belong to something, the nearest one's group.
        reached = near[values >= threshold]
        first = int(reached[distance.ravel()[reached].argmin()])
        groups, _ = ndimage.label((inside >= threshold) & (distance <= radius), np.ones((3, 3, 3)))
        number = int(groups.ravel()[first])
        own = ndimage.find_objects((groups == number).astype(np.uint8))[0]
        mask = groups[own] == number
        x, y, z = (
            slice(s.start + part.start, s.stop + part.start)
            for s, part in zip(own, ball, strict=True)
        )
        affine = grid.affine_lps
        candidate = make_candidate(
            probability, (x, y, z), mask, affine, float(abs(np.linalg.det(affine[:3, :3])))
        )
        seen = _Seen(candidate, probability, grid, threshold, outlined_by)
        if float(distance[own][mask].max()) < radius - voxel_mm:
            break
    return 0.0 if seen is None else seen


def _part(grid: Geometry, point_lps_mm: Sequence[float], reach_mm: float) -> Box:
    """The part of the networks' grid around a point."""
    middle = grid.lps_to_index(point_lps_mm)
    reach = reach_mm / np.asarray(grid.spacing_irc_mm)
    start = np.maximum(np.floor(middle - reach), 0).astype(int) // _ALIGNED * _ALIGNED
    stop = np.minimum(np.ceil(middle + reach) + 1, grid.shape_irc).astype(int)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return x, y, z


def _cut(volume: CtVolume, point_lps_mm: Sequence[float], reach_mm: float) -> CtVolume:
    """The part of a volume around a point."""
    geometry = volume.geometry
    middle = geometry.lps_to_index(point_lps_mm)
    reach = reach_mm / np.asarray(geometry.spacing_irc_mm)
    start = np.clip(np.floor(middle - reach), 0, np.asarray(geometry.shape_irc) - 1).astype(int)
    stop = np.clip(np.ceil(middle + reach) + 1, start + 1, geometry.shape_irc).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    hu = volume.hu[box]
    return replace(volume, hu=hu, geometry=geometry.cropped(start, hu.shape), is_source_grid=False)


def _within(
    grid: Geometry, point_lps_mm: Sequence[float], radius_mm: float
) -> tuple[Box, NDArray[np.float64]]:
    """The part of an orthogonal grid that holds a ball, and its voxels' distances in mm."""
    index = grid.lps_to_index(point_lps_mm)
    parts, axes = [], []
    for n, at, mm in zip(grid.shape_irc, index, grid.spacing_irc_mm, strict=True):
        start = min(max(0, int(np.floor(at - radius_mm / mm))), n - 1)
        stop = max(min(n, int(np.ceil(at + radius_mm / mm)) + 1), start + 1)
        parts.append(slice(start, stop))
        axes.append((np.arange(start, stop) - at) * mm)
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return (parts[0], parts[1], parts[2]), np.asarray(np.sqrt(x**2 + y**2 + z**2))
