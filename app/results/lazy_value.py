"""A value that is made at its first use, and once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Calls a function at the first use and keeps its value, whatever thread asks.

    When the function raises, nothing is kept and the next use calls it again.

    Args:
        make: gives the value.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._value: list[T] = []

    def __call__(self) -> T:
        """Give the value."""
        with self._lock:
            if not self._value:
                self._value.append(self._make())
            return self._value[0]
