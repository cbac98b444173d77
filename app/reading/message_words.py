"""Small helpers for plain-word messages and for safe folder names."""

from __future__ import annotations

import hashlib
import re

MAX_KEY_LENGTH = 128


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``3, "slice"`` gives ``3 slices``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def millimetres(value_mm: float) -> str:
    """A length for people: two decimals at most, one at least."""
    text = f"{value_mm:.2f}"
    return f"{text.removesuffix('0')} mm"


def safe_key(text: str) -> str:
    """A name that is a folder name on every system; UIDs stay as they are.

    Two texts never give one name: where something had to be changed, a checksum of the text is
    added. ``~`` is in no name but before that checksum, or before a number that a caller adds.
    """
    cleaned = re.sub(r"[^0-9A-Za-z._-]+", "_", text).strip("._")[:MAX_KEY_LENGTH] or "study"
    if cleaned == text:
        return cleaned
    checksum = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{cleaned}~{checksum}"


def some(names: list[str], limit: int = 3) -> str:
    """The first few of a list, and how many more there are."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
