"""Do probabilities mean what they say?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nodulus.app.evaluation.metrics.estimate import Flags, Floats


@dataclass(frozen=True)
class ReliabilityBin:
    """The items whose probability lies in one range.

    Args:
        lower: edge of the range.
        upper: edge of the range.
        count: items in it.
        mean_probability: of them; None of none.
        share_positive: of them that are positive; None of none.
    """

    lower: float
    upper: float
    count: int
    mean_probability: float | None
    share_positive: float | None


@dataclass(frozen=True)
class Calibration:
    """How well probabilities agree with what happened.

    Args:
        items: how many.
        brier: mean squared gap between probability and truth (Brier, Monthly Weather Review
            1950, 78(1):1-3).
        expected_calibration_error: mean gap between mean probability and share of positives over
            the bins, weighted by their items (Naeini, Cooper and Hauskrecht, AAAI 2015).
        mean_probability: over all items.
        share_positive: of all items.
        bins: the reliability diagram.
    """

    items: int
    brier: float
    expected_calibration_error: float
    mean_probability: float
    share_positive: float
    bins: tuple[ReliabilityBin, ...]


def calibration(
    probabilities: ArrayLike,
    is_positive: ArrayLike,
    bins: int = 10,
    spacing: Literal["width", "count"] = "width",
) -> Calibration:
    """Measure it.

    Args:
        probabilities: shape (n,), 0 to 1.
        is_positive: shape (n,); one class alone is allowed.
        bins: how many ranges.
        spacing: ranges of equal width, or of equal counts as far as ties allow.

    Raises:
        ValueError: no item, lengths differ, or a value outside 0 to 1.
    """
    probability = np.asarray(probabilities, dtype=np.float64).reshape(-1)
    positive = np.asarray(is_positive).reshape(-1).astype(bool)
    if len(probability) != len(positive) or len(probability) == 0:
        raise ValueError(f"{len(probability)} probabilities for {len(positive)} items")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    edges = np.linspace(0.0, 1.0, bins + 1)
    if spacing == "count":
        edges[1:-1] = np.quantile(probability, edges[1:-1])
        edges = np.unique(edges)
    # A value on an edge belongs to the range above, 1 to the last one.
    which = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, len(edges) - 2)
    found = tuple(
        _bin(edges[n], edges[n + 1], probability[which == n], positive[which == n])
        for n in range(len(edges) - 1)
    )
    gaps = sum(
        b.count * abs(b.mean_probability - b.share_positive)
        for b in found
        if b.mean_probability is not None and b.share_positive is not None
    )
    return Calibration(
        len(probability),
        float(np.mean((probability - positive) ** 2)),
        gaps / len(probability),
        float(probability.mean()),
        float(positive.mean()),
        found,
    )


def _bin(lower: float, upper: float, probability: Floats, positive: Flags) -> ReliabilityBin:
    if len(probability) == 0:
        return ReliabilityBin(float(lower), float(upper), 0, None, None)
    return ReliabilityBin(
        float(lower),
        float(upper),
        len(probability),
        float(probability.mean()),
        float(positive.mean()),
    )
