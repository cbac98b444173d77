"""What happens to studies, for who watches the service."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from threading import Lock

_KEPT = 2000
MOST_LISTENERS, MOST_OF_ONE = 64, 8
"""Who may listen at once, and how often the same account may."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a study.

    Args:
        number: from 1 on, in the order of events of this process.
        study: its id.
        state: now.
        step: of the analysis; empty for none.
    """

    number: int
    study: str
    state: str
    step: str = ""


class Events:
    """The last events of this process."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._count = 0
        self._lock = Lock()

    @property
    def newest(self) -> int:
        """Number of the last event; 0 for none."""
        return self._count

    def tell(self, study: str, state: str, step: str = "") -> None:
        """Add one."""
        with self._lock:
            self._count += 1
            self._events.append(Event(self._count, study, state, step))

    def since(self, number: int) -> list[Event]:
        """Give those after a number, as far as they are kept."""
        with self._lock:
            fresh = self._count - number
            return list(islice(reversed(self._events), max(0, fresh)))[::-1]


class Places:
    """Who listens; for one event loop.

    Args:
        most: listeners at once.
        most_of_one: of one name.
    """

    def __init__(self, most: int = MOST_LISTENERS, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken_by(self, name: str) -> Iterator[bool]:
        """Keep a place, as long as the context is open; False where there is none.

        Args:
            name: of who listens.
        """
        is_free = self._taken.total() < self._most and self._taken[name] < self._most_of_one
        if is_free:
            self._taken[name] += 1
        try:
            yield is_free
        finally:
            if is_free:
                self._taken[name] -= 1
