"""The fissure near a plane where it is expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.fissures.fissure_rule import FissureRule
from nodulus.transforms.fissures.fissure_surface import FissureSurface
from nodulus.transforms.fissures.path_costs import path_costs
from nodulus.transforms.fissures.sheetness import sheetness, smoothed
from nodulus.transforms.fissures.surface_grid import SurfaceGrid

FloatArray = NDArray[np.float32]

_MAD_TO_SD = 1.4826
_NO_END_MM = 1e4


def find_fissure(
    hu: FloatArray,
    lung_share: FloatArray,
    grid: SurfaceGrid,
    rule: FissureRule,
    above: FissureSurface | None = None,
    clear_mm: float = 0.0,
) -> FissureSurface | None:
    """Find the smooth surface that is most like a thin sheet and crosses the fewest vessels.

    Sheets by a filter, a surface through them by the cheapest paths, and from the costs of all
    heights at a node the interval that holds the fissure with a given probability. Where nothing
    is seen of it the interval grows with the distance from where something is.

    Args:
        hu: on the grid, shape ``grid.geometry.shape_irc``.
        lung_share: how much of each sample's surroundings is this lung, 0 to 1, same shape.
        grid: the samples.
        rule: how it is searched for.
        above: another fissure that this one lies above; what is not so counts as no lung.
        clear_mm: and so far from it.

    Returns:
        The fissure; None where the grid holds no lung.
    """
    lung = lung_share >= rule.least_lung_share
    if not lung.any():
        return None
    level = np.float32(np.median(hu[lung]))
    spacing = grid.geometry.spacing_irc_mm
    density = np.clip(hu - level, -rule.span_hu, rule.span_hu)
    density = smoothed(density, spacing, (rule.smooth_mm, rule.smooth_height_mm))
    sheet = sheetness(density, spacing, rule.half_width_mm)
    spread = _MAD_TO_SD * float(np.median(np.abs(sheet[lung])))
    costs = -np.clip(sheet / max(spread, rule.least_spread_hu), 0.0, rule.most_evidence)
    costs += rule.vessel_cost * (density > rule.vessel_hu)
    costs = _by_node(np.where(lung, costs, 0.0).astype(np.float32), rule.nodes)
    if above is not None:
        costs *= _clear_of(above, grid, rule.nodes, clear_mm)
    costs += (rule.prior_cost * grid.heights_mm**2).astype(np.float32)
    return _surface(path_costs(costs, rule.bend_cost, rule.most_steps), grid, rule)


def _by_node(values: FloatArray, nodes: int) -> FloatArray:
    u, v, w = values.shape
    blocks = values.reshape(u // nodes, nodes, v // nodes, nodes, w)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _clear_of(
    other: FissureSurface, grid: SurfaceGrid, nodes: int, clear_mm: float
) -> NDArray[np.bool_]:
    u, v, w = grid.geometry.shape_irc
    first = (nodes - 1) / 2
    axes = np.arange(first, u, nodes), np.arange(first, v, nodes), np.arange(w)
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    heights = other.height_over(grid.geometry.index_to_lps(index.reshape(-1, 3)))
    return (heights > clear_mm).reshape(index.shape[:3])


def _surface(costs: FloatArray, grid: SurfaceGrid, rule: FissureRule) -> FissureSurface:
    """The median height and both ends of the interval, from the probability of each height."""
    likely = np.exp(-(costs - costs.min(axis=2, keepdims=True)) / rule.temperature)
    shares = np.cumsum(likely, axis=2)
    shares /= shares[:, :, -1:]
    low, middle, high = (
        grid.heights_mm[np.argmax(shares >= share, axis=2)]
        for share in (rule.tail, 0.5, 1.0 - rule.tail)
    )
    reach = float(grid.heights_mm[-1]) - rule.open_mm
    low = np.where(low <= -reach, -_NO_END_MM, low - rule.margin_mm)
    high = np.where(high >= reach, _NO_END_MM, high + rule.margin_mm)
    return FissureSurface(grid, rule.nodes, low, middle, high)
