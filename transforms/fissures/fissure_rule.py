"""How a fissure is searched for; the values stand in configs/pipeline.json."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FissureRule:
    """How a fissure is searched for.

    Args:
        average_mm: the scan is averaged to about this spacing first.
        step_mm: between samples along the expected surface.
        height_step_mm: between samples across it.
        nodes: so many samples each way along the surface have one height.
        smooth_mm: standard deviation of the Gaussian along the surface.
        smooth_height_mm: the same across it.
        half_width_mm: across the sheet, from its middle to where its surroundings are looked at.
        span_hu: what is denser than the lung by more counts as this much.
        vessel_hu: what is denser than the lung by this counts against a fissure.
        vessel_cost: how much it does, in standard deviations of the sheetness.
        least_spread_hu: of the sheetness; less noise than that counts as this much.
        most_evidence: more sheetness than this counts as this much, in standard deviations.
        least_lung_share: of a sample's surroundings; less is no lung or near its surface.
        bend_cost: of a step of one height between neighbouring nodes; grows with its square.
        most_steps: between neighbouring nodes.
        prior_cost: of 1 mm from where the fissure is expected; grows with its square.
        temperature: divides the costs; the higher, the wider the interval of doubt.
        tail: probability that the fissure lies beyond either end of the interval.
        margin_mm: added to either end.
        open_mm: an end so near to the grid's counts as none: nothing is told beyond it.
    """

    average_mm: float
    step_mm: float
    height_step_mm: float
    nodes: int
    smooth_mm: float
    smooth_height_mm: float
    half_width_mm: float
    span_hu: float
    vessel_hu: float
    vessel_cost: float
    least_spread_hu: float
    most_evidence: float
    least_lung_share: float
    bend_cost: float
    most_steps: int
    prior_cost: float
    temperature: float
    tail: float
    margin_mm: float
    open_mm: float
