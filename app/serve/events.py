"""What happens to studies, for who watches the service."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

_KEPT = 2000


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
            return [event for event in self._events if event.number > number]
