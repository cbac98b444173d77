"""Lung-RADS v2022: whether a nodule has grown."""

from __future__ import annotations

from typing import Literal

from nodulus.app.guidelines.rounding import to_tenths

GROWTH_MM = 1.5
"""More than this in mean diameter within twelve months is growth."""
_YEAR_DAYS = 366
LungRadsGrowth = Literal["growing", "stable", "smaller"]


def lung_rads_growth(
    before_mm: float, now_mm: float, interval_days: float
) -> tuple[LungRadsGrowth | None, str]:
    """Whether a mean diameter has grown, with the reason.

    More than 1.5 mm within twelve months is growth. Over a longer interval the rule is not defined:
    the answer is None, and each twelve months must be compared. The volume of a sphere of 1.5 mm
    in the table is no limit for growth in volume.

    Args:
        before_mm: mean diameter on the earlier scan.
        now_mm: mean diameter now.
        interval_days: between the two.

    Raises:
        ValueError: the interval is not positive.
    """
    if not interval_days > 0:
        raise ValueError(f"The interval must be positive, not {interval_days} days.")
    change = round(to_tenths(now_mm) - to_tenths(before_mm), 1)
    if change < -GROWTH_MM:
        return "smaller", f"{-change:.1f} mm smaller in mean diameter"
    if change <= GROWTH_MM:
        return "stable", f"changed by {change:+.1f} mm, not more than {GROWTH_MM} mm"
    if interval_days > _YEAR_DAYS:
        return None, (
            f"{change:+.1f} mm in {interval_days:.0f} days: growth is defined within twelve months;"
            " compare with the scans between"
        )
    return "growing", f"{change:+.1f} mm in mean diameter within twelve months"
