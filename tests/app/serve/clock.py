"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """Stands still until the test moves it.

    Args:
        now: seconds since 1970.
    """

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time now."""
        return self.now
