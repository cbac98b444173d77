"""Counts, lengths and lists of names as the words of messages."""

from __future__ import annotations


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``3, "slice"`` gives ``3 slices``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def millimetres(value_mm: float) -> str:
    """A length for people: two decimals at most, one at least."""
    text = f"{value_mm:.2f}"
    return f"{text.removesuffix('0')} mm"


def abbreviated(names: list[str], limit: int = 3) -> str:
    """The first few of a list, and how many more there are."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
