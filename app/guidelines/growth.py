"""Growth of a nodule between two scans: volume doubling time with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.stats import norm

Verdict = Literal["growth", "no proven change", "shrinking"]


@dataclass(frozen=True)
class VolumeChange:
    """How a volume changed, with what repeated measurement leaves open.

    Args:
        share: (volume now - before) / before.
        doubling_days: volume doubling time; None where the volume did not grow.
        fastest_days: the shortest doubling time in the interval; None where even that shrinks.
        slowest_days: the longest; None where the interval holds "no growth".
        verdict: growth only where the whole interval grows, shrinking where it all shrinks.
    """

    share: float
    doubling_days: float | None
    fastest_days: float | None
    slowest_days: float | None
    verdict: Verdict


def doubling_days(before: float, now: float, days: float) -> float | None:
    """Volume doubling time in days: ``days * ln 2 / ln(now / before)``.

    None where the volume did not grow: a negative number of days would read as growth.

    Args:
        before: volume in mm3 on the earlier scan.
        now: volume in mm3.
        days: between the scans.

    Raises:
        ValueError: a volume or the interval is not positive.
    """
    return _days_of_log_ratio(log_ratio(before, now), _positive_days(days))


def doubling_days_of_diameters(before_mm: float, now_mm: float, days: float) -> float | None:
    """Volume doubling time by diameters, as of spheres: ``days * ln 2 / (3 ln(now / before))``."""
    return _days_of_log_ratio(3.0 * log_ratio(before_mm, now_mm), _positive_days(days))


def volume_change(
    before_mm3: float,
    now_mm3: float,
    days: float,
    coefficient_of_variation: float,
    confidence: float = 0.95,
) -> VolumeChange:
    """A change in volume with the interval that repeatability leaves.

    The logarithm of the ratio of two volumes, each measured with the coefficient of variation c,
    has a standard deviation of ``sqrt(2) c``.

    Args:
        before_mm3: volume on the earlier scan.
        now_mm3: volume now, by the same software.
        days: between the scans.
        coefficient_of_variation: of one repeated measurement, as a share.
        confidence: of the interval.

    Raises:
        ValueError: a volume, the interval or the coefficient is not positive.
    """
    if not coefficient_of_variation > 0:
        raise ValueError(f"The coefficient must be positive, not {coefficient_of_variation}.")
    days = _positive_days(days)
    ratio = log_ratio(before_mm3, now_mm3)
    half = float(norm.ppf(0.5 + confidence / 2)) * math.sqrt(2) * coefficient_of_variation
    low, high = ratio - half, ratio + half
    verdict: Verdict = "growth" if low > 0 else "shrinking" if high < 0 else "no proven change"
    return VolumeChange(
        share=math.expm1(ratio),
        doubling_days=_days_of_log_ratio(ratio, days),
        fastest_days=_days_of_log_ratio(high, days),
        slowest_days=_days_of_log_ratio(low, days),
        verdict=verdict,
    )


def log_ratio(before: float, now: float) -> float:
    """ln(now / before).

    Raises:
        ValueError: a size is not positive.
    """
    if not (before > 0 and now > 0):
        raise ValueError(f"Both sizes must be positive, not {before} and {now}.")
    return math.log(now / before)


def _positive_days(days: float) -> float:
    if not days > 0:
        raise ValueError(f"The earlier scan must lie before the later one, not {days} days.")
    return days


def _days_of_log_ratio(ratio: float, days: float) -> float | None:
    return days * math.log(2.0) / ratio if ratio > 0 else None
