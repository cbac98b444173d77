"""Rounding as guidelines ask for it: half up, in decimals and not in binary fractions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def _half_up(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), rounding=ROUND_HALF_UP)


def _decimal(value: float) -> Decimal:
    # The shortest text of a float is what was written or measured: 6.65 and not 6.6500000000000004.
    return Decimal(repr(float(value)))


def to_tenths(value: float) -> float:
    """A measurement to one decimal, half up."""
    return float(_half_up(_decimal(value), "0.1"))


def to_whole(value: float) -> int:
    """A measurement to a whole number, half up."""
    return int(_half_up(_decimal(value), "1"))


def mean_diameter_mm(long_axis_mm: float, short_axis_mm: float) -> float:
    """Mean of long and short axis, each to 0.1 mm, as Lung-RADS v2022 reports it.

    7.4 and 5.9 mm give 6.7 mm: their mean, 6.65, is rounded half up.
    """
    total = _half_up(_decimal(long_axis_mm), "0.1") + _half_up(_decimal(short_axis_mm), "0.1")
    return float(_half_up(total / 2, "0.1"))


def mean_diameter_whole_mm(long_axis_mm: float, short_axis_mm: float) -> int:
    """Mean of long and short axis to whole mm, as Fleischner 2017 has it."""
    return int(_half_up((_decimal(long_axis_mm) + _decimal(short_axis_mm)) / 2, "1"))
