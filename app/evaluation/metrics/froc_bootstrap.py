"""Intervals of a FROC curve by drawing scans with replacement, as the LUNA16 challenge does.

See Setio et al., Medical Image Analysis 2017, 42:1-13, section 4.1, and Efron and Tibshirani, An
Introduction to the Bootstrap (1994). With the same seed the same scans are drawn as in the
challenge's script after ``numpy.random.seed(seed)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.evaluation.metrics.froc import CPM_RATES, FrocCounts
from nodulus.bundles.common.metrics.luna16_match import MarkMatch

Singles = NDArray[np.float32]
GRID = np.linspace(0.125, 8.0, num=10_000)
"""False positives a scan at which the challenge gives the interval."""


@dataclass(frozen=True)
class Interval:
    """Mean and bounds over the samples."""

    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class FrocBand:
    """The interval along the curve.

    Args:
        false_positives_per_scan: :data:`GRID`.
        mean: of the samples' sensitivities there; like the bounds in single precision, as the
            challenge's script keeps them.
        lower: lower bound.
        upper: upper bound.
        rates: the interval at each of :data:`~nodulus.app.evaluation.metrics.froc.CPM_RATES`.
        cpm: the interval of the CPM.
        samples: how many were drawn and had a nodule.
    """

    false_positives_per_scan: NDArray[np.float64]
    mean: Singles
    lower: Singles
    upper: Singles
    rates: tuple[Interval, ...]
    cpm: Interval
    samples: int


def bootstrap_froc(
    match: MarkMatch, samples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> FrocBand:
    """Draw as many scans as there are, with replacement, and compute the curve each time.

    A sample without a nodule has no sensitivity and is left out.

    Args:
        match: of all scans.
        samples: how many, at least 1.
        confidence: share of the samples between the bounds, above 0 and below 1.
        seed: of the draws.

    Raises:
        ValueError: arguments out of range; or see
        :class:`~nodulus.app.evaluation.metrics.froc.FrocCounts`.
    """
    if samples < 1 or not 0 < confidence < 1:
        raise ValueError(f"{samples} samples at a confidence of {confidence}")
    counts = FrocCounts(match)
    draw = np.random.RandomState(seed)
    along: list[Singles] = []
    at_rates: list[NDArray[np.float64]] = []
    for _ in range(samples):
        drawn = draw.randint(match.scans, size=match.scans)
        curve = counts.curve(np.bincount(drawn, minlength=match.scans))
        if curve is not None:
            along.append(curve.sensitivity_at(GRID).astype(np.float32))
            at_rates.append(curve.sensitivity_at(CPM_RATES))
    if not along:
        raise ValueError(f"none of {samples} samples of the scans holds a nodule")
    rates = np.stack(at_rates)
    mean, lower, upper = _interval(np.stack(along), confidence)
    each = _interval(np.column_stack([rates, rates.mean(axis=1)]), confidence)
    *intervals, cpm = (Interval(*(float(v) for v in bound)) for bound in zip(*each, strict=True))
    return FrocBand(GRID, mean, lower, upper, tuple(intervals), cpm, len(along))


def _interval(
    values: NDArray[np.floating], confidence: float
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """Mean, lower and upper bound of each column; the bounds are values that occurred."""
    rising = np.sort(np.ascontiguousarray(values.T), axis=1)
    count = rising.shape[1]
    tail = (1.0 - confidence) / 2.0
    lower, upper = math.floor(tail * count), min(math.floor((1.0 - tail) * count), count - 1)
    return rising.mean(axis=1), rising[:, lower], rising[:, upper]
