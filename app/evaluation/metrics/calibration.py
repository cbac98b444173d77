"""Do probabilities mean what they say?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.calibration import calibration_curve


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


def calibration(probabilities: ArrayLike, is_positive: ArrayLike, bins: int = 10) -> Calibration:
    """Measure it; the reliability diagram is scikit-learn's.

    Args:
        probabilities: shape (n,), 0 to 1.
        is_positive: shape (n,); one class alone is allowed.
        bins: how many ranges of equal width; a value on an edge belongs to the range below.

    Raises:
        ValueError: no item, lengths differ, or a value outside 0 to 1.
    """
    probability = np.asarray(probabilities, dtype=np.float64).reshape(-1)
    positive = np.asarray(is_positive).reshape(-1).astype(bool)
    if len(probability) != len(positive) or len(probability) == 0:
        raise ValueError(f"{len(probability)} probabilities for {len(positive)} items")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    share, mean = calibration_curve(positive, probability, n_bins=bins)
    edges = np.linspace(0.0, 1.0, bins + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], probability), minlength=bins)
    filled = counts > 0
    # The curve has the bins with items alone.
    means, shares = np.full(bins, np.nan), np.full(bins, np.nan)
    means[filled], shares[filled] = mean, share
    return Calibration(
        len(probability),
        float(np.mean((probability - positive) ** 2)),
        float(np.average(np.abs(mean - share), weights=counts[filled])),
        float(probability.mean()),
        float(positive.mean()),
        tuple(
            ReliabilityBin(
                float(edges[n]),
                float(edges[n + 1]),
                int(counts[n]),
                float(means[n]) if filled[n] else None,
                float(shares[n]) if filled[n] else None,
            )
            for n in range(bins)
        ),
    )
