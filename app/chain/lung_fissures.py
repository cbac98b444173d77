"""The fissures of one lung, searched for where anatomy expects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from nodulus.app.chain.lung_extent import SIDE_LABELS, LungExtent
from nodulus.app.chain.settings_sections import FissureSettings, LobeSettings
from nodulus.app.result import SideName
from nodulus.app.volume import CtVolume
from nodulus.transforms.fissures.find_fissure import find_fissure
from nodulus.transforms.fissures.fissure_rule import FissureRule
from nodulus.transforms.fissures.fissure_surface import FissureSurface
from nodulus.transforms.fissures.surface_grid import SurfaceGrid
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lungs import coarsen

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class LungFissures:
    """The fissures of one lung; None where one was not found.

    Args:
        oblique: between the lower lobe and those above it.
        horizontal: between the right upper and the middle lobe.
    """

    oblique: FissureSurface | None
    horizontal: FissureSurface | None


def find_lung_fissures(
    volume: CtVolume,
    lungs: LungRegion,
    side: SideName,
    extent: LungExtent,
    rule: LobeSettings,
    settings: FissureSettings,
) -> LungFissures:
    """Search for the fissures of one lung.

    Args:
        volume: the CT.
        lungs: its lungs.
        side: which of them.
        extent: of that lung.
        rule: where the fissures are expected.
        settings: how they are searched for.
    """
    search = settings.rule()
    lung, share_grid = _box_of(
        (lungs.sides == SIDE_LABELS[side]).astype(np.float32), lungs.geometry, extent
    )
    share = uniform_filter(lung, settings.lung_voxels, mode="constant")
    near, near_grid = _box_of(volume.hu, volume.geometry, extent)
    hu, hu_grid = coarsen(near, near_grid, search.average_mm)

    def found(
        grid: SurfaceGrid, above: FissureSurface | None = None, clear_mm: float = 0.0
    ) -> FissureSurface | None:
        sampled = grid.sample(hu, hu_grid), grid.sample(share, share_grid)
        return find_fissure(*sampled, grid, search, above, clear_mm)

    whole = extent.whole(rule.cut_height_per_depth)
    oblique = found(_oblique_grid(whole, rule, search))
    if side == "left" or oblique is None:
        return LungFissures(oblique, None)
    level = _horizontal_grid(whole, rule, search)
    return LungFissures(oblique, found(level, oblique, settings.clear_mm))


def _oblique_grid(extent: LungExtent, rule: LobeSettings, search: FissureRule) -> SurfaceGrid:
    """Around the plane half-way between the heights where either lobe is told without a fissure."""
    slope = (0.0, extent.depth_mm, rule.slope * extent.height_mm)
    across = extent.depth_mm / float(np.linalg.norm(slope))
    front = extent.low_mm + 0.5 * (rule.lower_to + rule.upper_from) * extent.height_mm
    half = 0.5 * (rule.upper_from - rule.lower_to) * extent.height_mm
    return _grid((extent.x_mm[0], extent.front_mm, front), slope, half * across, extent, search)


def _horizontal_grid(extent: LungExtent, rule: LobeSettings, search: FissureRule) -> SurfaceGrid:
    low, high = rule.right_middle_to, rule.right_upper_from
    corner = (
        extent.x_mm[0],
        extent.front_mm,
        extent.low_mm + 0.5 * (low + high) * extent.height_mm,
    )
    backwards = (0.0, extent.depth_mm, 0.0)
    return _grid(corner, backwards, 0.5 * (high - low) * extent.height_mm, extent, search)


def _grid(
    corner_lps_mm: tuple[float, float, float],
    backwards: tuple[float, float, float],
    reach_mm: float,
    extent: LungExtent,
    search: FissureRule,
) -> SurfaceGrid:
    leftwards = (extent.x_mm[1] - extent.x_mm[0], 0.0, 0.0)
    return SurfaceGrid.around(
        corner_lps_mm, (leftwards, backwards), reach_mm,
        search.step_mm, search.height_step_mm, search.nodes,
    )  # fmt: skip


def _box_of(
    array: NDArray[Scalar], geometry: Geometry, extent: LungExtent
) -> tuple[NDArray[Scalar], Geometry]:
    """The part of a volume that holds a lung."""
    x, y, z = extent.x_mm, (extent.front_mm, extent.back_mm), (extent.low_mm, extent.high_mm)
    corners = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    index = geometry.lps_to_index(corners)
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - 1, 0, geometry.shape_irc)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 2, 0, geometry.shape_irc)
    part = array[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    return part, geometry.cropped(low, part.shape)
