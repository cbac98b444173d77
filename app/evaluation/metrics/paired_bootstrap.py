"""Differences between two systems on the same scans, with intervals by drawing scans.

Both systems get the same scans in every sample, so that what makes a scan hard for both cancels
out. Efron and Tibshirani, An Introduction to the Bootstrap (1994), chapters 8 and 13; for FROC
curves of two systems see Samuelson and Petrick, Comparing image detection algorithms using
resampling, IEEE International Symposium on Biomedical Imaging 2006, 1312-1315.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.evaluation.metrics.estimate import Estimate, Floats
from nodulus.app.evaluation.metrics.froc import FrocCounts
from nodulus.bundles.common.metrics.luna16_match import Indices, MarkMatch

Measure = Callable[[Indices], "Floats | None"]
"""Takes how often each scan occurs, shape (scans,), and gives shape (k,); None of no nodule."""


@dataclass(frozen=True)
class PairedEstimate:
    """One measure of two systems.

    Args:
        first: of the first system.
        second: of the second.
        difference: second minus first; without an interval both bounds are the value.
        samples: that the interval is made of; 0 without one.
    """

    first: float
    second: float
    difference: Estimate
    samples: int


def paired_bootstrap(
    first: Measure,
    second: Measure,
    scans: int,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[PairedEstimate, ...]:
    """Percentile intervals of the differences; a sample without a nodule is left out.

    Args:
        first: k measures of the first system.
        second: the same of the second, on the same scans in the same order.
        scans: how many there are, and are drawn for each sample.
        samples: how many; 0 for no intervals.
        confidence: of the intervals, above 0 and below 1.
        seed: of the draws.

    Raises:
        ValueError: the measures cannot be taken of all scans.
    """
    once = np.ones(scans, np.int64)
    one, other = first(once), second(once)
    if one is None or other is None:
        raise ValueError("a comparison needs at least one nodule")
    draw = np.random.default_rng(seed)
    gaps = []
    # One scan drawn from one scan is always the same.
    for _ in range(samples if scans > 1 else 0):
        times = np.bincount(draw.integers(scans, size=scans), minlength=scans)
        drawn = first(times), second(times)
        if drawn[0] is not None and drawn[1] is not None:
            gaps.append(drawn[1] - drawn[0])
    tail = (1 - confidence) / 2
    bounds = np.quantile(np.stack(gaps), [tail, 1 - tail], axis=0) if gaps else [other - one] * 2
    return tuple(
        PairedEstimate(float(a), float(b), Estimate(float(b - a), float(low), float(up)), len(gaps))
        for a, b, low, up in zip(one, other, *bounds, strict=True)
    )


def sensitivities_at(match: MarkMatch, rates: Sequence[float]) -> Measure:
    """The FROC curve's sensitivities at these false positives a scan.

    Raises:
        ValueError: see :class:`~nodulus.app.evaluation.metrics.froc.FrocCounts`.
    """
    counts = FrocCounts(match)

    def measure(times: Indices) -> Floats | None:
        curve = counts.curve(times)
        return None if curve is None else curve.sensitivity_at(rates)

    return measure


def at_operating_point(found: Indices, nodules: Indices, other_marks: Indices) -> Measure:
    """Sensitivity, and other marks a scan.

    Args:
        found: nodules found in each scan, shape (scans,).
        nodules: nodules in each scan.
        other_marks: findings on nothing in each scan.
    """

    def measure(times: Indices) -> Floats | None:
        total = times @ nodules
        if total == 0:
            return None
        return np.array([times @ found / total, times @ other_marks / times.sum()])

    return measure
