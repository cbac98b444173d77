"""A finding where a reader points: outlined, rated and measured as the chain does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.candidate_records import steady_center
from nodulus.app.chain.characteristics import rate_characteristics
from nodulus.app.chain.findings import Ratings, measured_finding
from nodulus.app.chain.grow_at_point import grow_at_point
from nodulus.app.chain.lobe import lung_extents
from nodulus.app.chain.models import Models
from nodulus.app.chain.native_mask import native_mask
from nodulus.app.chain.network.segment_nodules import segment_nodules
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.score_candidates import rate_malignancy, rate_nodules
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.result import Finding
from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate, make_candidate
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.windowing import window

_AROUND_MM = 40.0
"""Beyond what the segmentation looks at: its context, and half a classifier's crop."""
_ALIGNED = 32
"""Voxels: a part of the networks' grid begins at a multiple, as the strides of a U-Net want it, so
that the part shows what the whole would."""

OutlinedBy = Literal["segmentation", "segmentation-below-threshold", "grown", "ball"]


@dataclass(frozen=True, eq=False)
class PointedFinding:
    """What the chain makes of a point.

    Args:
        finding: measured and rated.
        box: of the volume.
        mask: bool, shape of the box.
        outlined_by: the segmentation at its operating point or below it; where it sees nothing
            there, growing by HU; where that fails too, a ball.
    """

    finding: Finding
    box: Box
    mask: NDArray[np.bool_]
    outlined_by: OutlinedBy


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the segmentation sees around a point."""

    candidate: Candidate
    probability: NDArray[np.float32]
    grid: Geometry
    threshold: float
    outlined_by: OutlinedBy


def finding_at(
    scan: ScanViews,
    lungs: LungRegion,
    models: Models,
    settings: ChainSettings,
    point_lps_mm: Sequence[float],
    number: int,
) -> PointedFinding:
    """Outline, rate and measure what lies at a point.

    At a finding of the chain this gives the finding of the chain, where ``scan`` is as `analyse`
    makes it.

    Args:
        scan: the volume and its views; kept from call to call, only the first one waits for them.
        lungs: of the volume; the point need not lie in them.
        models: the three networks.
        settings: pipeline settings and operating points.
        point_lps_mm: LPS mm, within the volume.
        number: the finding's id.

    Raises:
        ValueError: the point lies outside of the volume.
    """
    volume, pointed = scan.volume, settings.pipeline.point
    if not bool(volume.geometry.contains(volume.geometry.lps_to_index(point_lps_mm))):
        raise ValueError(f"the point {tuple(point_lps_mm)} is outside of the scan")
    grid = scan.isotropic(models.segmentation.isotropic_mm).geometry
    if not bool(grid.contains(grid.lps_to_index(point_lps_mm))):  # beyond the lungs' box
        scan = ScanViews(_cut(volume, point_lps_mm, max(pointed.search_mm) + _AROUND_MM), None, 0.0)
    seen = _look(scan, models, settings, point_lps_mm)
    if isinstance(seen, _Seen):
        box, mask = native_mask(
            seen.candidate, seen.probability, seen.grid, volume.geometry, seen.threshold
        )
        peak, size_mm = seen.candidate.peak_probability, seen.candidate.equivalent_diameter_mm
        outlined_by = seen.outlined_by
        index = steady_center(seen.candidate, seen.probability, seen.threshold)
        look_at = seen.grid.index_to_lps(index).tolist()
    else:
        peak = seen
        box, mask, grown = grow_at_point(volume, point_lps_mm, pointed)
        outlined_by = "grown" if grown else "ball"
        index_irc = np.argwhere(mask).mean(axis=0) + [s.start for s in box]
        look_at = volume.geometry.index_to_lps(index_irc).tolist()
        size_mm = equivalent_diameter_mm(int(mask.sum()) * volume.geometry.voxel_volume_mm3)

    def tell(_done: int, _total: int) -> None:
        """Nobody waits for parts of a second."""

    nodule, classifier = rate_nodules(scan, models, settings, [look_at], [peak], tell)
    malignancy = rate_malignancy(scan, models, settings, [look_at], [size_mm], tell)
    (looks,) = rate_characteristics(scan, [look_at], models, settings.pipeline.characteristics)
    finding = measured_finding(
        number,
        Ratings(float(nodule[0]), float(classifier[0]), peak, float(malignancy[0]), looks),
        volume,
        box,
        mask,
        lungs,
        lung_extents(lungs, settings.pipeline.lobe),
        settings.operating_points,
        settings.pipeline,
    )
    return PointedFinding(finding, box, mask, outlined_by)


def _look(
    scan: ScanViews, models: Models, settings: ChainSettings, point_lps_mm: Sequence[float]
) -> _Seen | float:
    """What the segmentation sees at a point; its highest probability near it where nothing."""
    bundle = models.segmentation
    if bundle.input_kind != "isotropic_patches":  # one that looks at whole slices
        return 0.0
    pointed, seen = settings.pipeline.point, None
    view = scan.isotropic(bundle.isotropic_mm)
    for radius in pointed.search_mm:
        box = _part(view.geometry, point_lps_mm, radius + _AROUND_MM)
        hu = view.hu[(slice(None), *box)]
        grid = view.geometry.cropped([s.start for s in box], hu.shape[1:])
        distance = _distance(grid, point_lps_mm)
        region = distance <= radius
        probability = segment_nodules(
            hu,
            region,
            bundle.network,
            scale=lambda hu: window(hu, bundle.window_hu, bundle.input_range),
            roi_size=bundle.roi_size,
            pipeline=settings.pipeline,
            device=models.device,
        )
        near = np.flatnonzero(distance.ravel() <= max(pointed.near_mm, bundle.isotropic_mm))
        values = probability.ravel()[near]
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
        groups, _ = ndimage.label((probability >= threshold) & region, np.ones((3, 3, 3)))
        number = int(groups.ravel()[first])
        x, y, z = ndimage.find_objects((groups == number).astype(np.uint8))[0]
        mask = groups[x, y, z] == number
        affine = grid.affine_lps
        candidate = make_candidate(
            probability, (x, y, z), mask, affine, float(abs(np.linalg.det(affine[:3, :3])))
        )
        seen = _Seen(candidate, probability, grid, threshold, outlined_by)
        if float(distance[x, y, z][mask].max()) < radius - bundle.isotropic_mm:
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


def _distance(grid: Geometry, point_lps_mm: Sequence[float]) -> NDArray[np.float64]:
    """Of each voxel of an orthogonal grid from a point, mm; shape of the grid."""
    index = grid.lps_to_index(point_lps_mm)
    axes = [
        (np.arange(n) - at) * mm
        for n, at, mm in zip(grid.shape_irc, index, grid.spacing_irc_mm, strict=True)
    ]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(np.sqrt(x**2 + y**2 + z**2))
