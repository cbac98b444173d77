"""Masses: the segmentation's own network shown the scan in larger voxels.

A network that has learnt nodules up to 40 mm sees a mass of 80 mm as it sees a nodule of 20 mm when
voxels are four times as large. It looks at several spacings, for each of them misses some; where
two agree there is a mass. The passes cost little: all of them together a fifteenth of the fine one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.mass_settings import MassSettings
from nodulus.app.chain.network.segment_nodules import segment_nodules
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.progress import Progress
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate, group_candidates
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.mass_outline import outline_mass
from nodulus.transforms.windowing import window

if TYPE_CHECKING:
    import torch

    from nodulus.app.chain.network.loading import LoadedBundle


@dataclass(frozen=True, eq=False)
class Mass:
    """A mass on the fine grid.

    Args:
        box: of the fine grid.
        mask: its voxels in the box.
        probability: of the coarse passes, in the box; 0 outside of what they saw.
        diameter_mm: of a ball of the mask's volume.
        crop_spacing_mm: of the crops that classifiers see of it.
    """

    box: Box
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]
    diameter_mm: float
    crop_spacing_mm: float


def find_masses(
    scan: ScanViews,
    bundle: LoadedBundle,
    settings: ChainSettings,
    chosen: MassSettings,
    device: torch.device,
    report: Progress,
) -> list[Mass]:
    """Look for masses, and outline them on the grid of the fine pass.

    Args:
        scan: the volume.
        bundle: of the segmentation.
        settings: thresholds and sizes of patches.
        chosen: the coarse passes.
        device: where the network is.
        report: called with (passes done, passes in all).

    Returns:
        By falling diameter.
    """
    grid, probability = coarse_probability(
        scan, bundle, settings, chosen.spacings_mm, device, report
    )
    groups = group_candidates(
        probability,
        grid.affine_lps,
        threshold=settings.operating_points.segmentation_voxel.threshold,
        peak_threshold=chosen.peak,
    )
    region = scan.region_on(grid)
    fine = scan.isotropic(bundle.isotropic_mm)
    found = []
    for group in groups:
        if region[group.box][group.mask].mean() < chosen.min_share_in_lungs:
            continue
        mass = _outlined(
            group, probability, grid, fine.hu[0].numpy(), fine.geometry, settings, chosen
        )
        if mass is not None and mass.diameter_mm >= chosen.min_diameter_mm:
            found.append(mass)
    return sorted(found, key=lambda mass: -mass.diameter_mm)


def coarse_probability(
    scan: ScanViews,
    bundle: LoadedBundle,
    settings: ChainSettings,
    spacings_mm: Sequence[float],
    device: torch.device,
    report: Progress,
) -> tuple[Geometry, NDArray[np.float32]]:
    """The mean of the two highest probabilities of the passes at each voxel of the finest of them.

    Returns:
        The grid of the smallest spacing, and float32 of its shape.
    """
    grid: Geometry | None = None
    highest = second = np.zeros(0, np.float32)
    for number, spacing_mm in enumerate(sorted(spacings_mm), start=1):
        view = scan.coarse(spacing_mm, bundle.isotropic_mm)
        seen = segment_nodules(
            view.hu,
            np.ones(view.geometry.shape_irc, bool),
            bundle.network,
            scale=lambda hu: window(hu, bundle.window_hu, bundle.input_range),
            roi_size=bundle.roi_size,
            pipeline=settings.pipeline,
            device=device,
        )
        if grid is None:
            grid, highest, second = view.geometry, seen, np.zeros_like(seen)
        else:
            x, y, z = (slice(0, n) for n in grid.shape_irc)
            own = interpolated(seen, view.geometry, grid, (x, y, z))
            second = np.maximum(second, np.minimum(highest, own))
            highest = np.maximum(highest, own)
        report(number, len(spacings_mm))
    assert grid is not None, "the settings name at least two spacings"
    return grid, np.asarray((highest + second) / 2, dtype=np.float32)


def interpolated(
    values: NDArray[np.float32], source: Geometry, target: Geometry, box: Box
) -> NDArray[np.float32]:
    """Values on a part of another grid whose axes are the same; beyond the edge as at the edge.

    Args:
        values: shape of ``source``.
        source: their grid.
        target: the other grid.
        box: of ``target``.
    """
    to_source = np.linalg.inv(source.affine_lps) @ target.affine_lps
    found = values.astype(np.float64)
    # Axis by axis, as linear interpolation between parallel grids may be done.
    for axis, s in enumerate(box):
        places = to_source[axis, axis] * np.arange(s.start, s.stop) + to_source[axis, 3]
        places = np.clip(places, 0, values.shape[axis] - 1)
        low = np.minimum(places.astype(np.intp), max(values.shape[axis] - 2, 0))
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = (places - low).reshape([-1 if k == axis else 1 for k in range(3)])
        first = found.take(low, axis)
        found = first + share * (found.take(high, axis) - first)
    return np.asarray(found, dtype=np.float32)


def _outlined(
    group: Candidate,
    probability: NDArray[np.float32],
    grid: Geometry,
    hu: NDArray[np.float32],
    fine: Geometry,
    settings: ChainSettings,
    chosen: MassSettings,
) -> Mass | None:
    """The mass on the fine grid; None where no outline holds."""
    coarse_mm, fine_mm = grid.spacing_irc_mm[0], fine.spacing_irc_mm[0]
    own = np.zeros_like(probability)
    own[group.box] = np.where(group.mask, probability[group.box], 0.0)
    to_fine = np.linalg.inv(fine.affine_lps) @ grid.affine_lps
    margin = (coarse_mm + chosen.outline_margin_mm) / fine_mm
    ends = [
        sorted(to_fine[axis, axis] * np.array([s.start, s.stop - 1.0]) + to_fine[axis, 3])
        for axis, s in enumerate(group.box)
    ]
    x, y, z = (
        slice(max(int(low - margin), 0), min(int(high + margin) + 2, n))
        for (low, high), n in zip(ends, fine.shape_irc, strict=True)
    )
    seen = interpolated(own, grid, fine, (x, y, z))
    threshold = settings.operating_points.segmentation_voxel.threshold
    mask = outline_mass(
        hu[x, y, z],
        seen,
        fine_mm,
        threshold=threshold,
        reach_mm=coarse_mm,
        rule=chosen.outline_rule(),
    )
    if not mask.any():
        return None
    diameter_mm = equivalent_diameter_mm(float(mask.sum()) * fine.voxel_volume_mm3)
    wanted_mm = diameter_mm / chosen.crop_voxels
    crop_spacing_mm = min(chosen.spacings_mm, key=lambda mm: abs(mm - wanted_mm))
    return Mass((x, y, z), mask, seen, diameter_mm, crop_spacing_mm)
