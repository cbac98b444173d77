"""A watcher that keeps what it is told."""

from __future__ import annotations

from nodulus.app.telemetry.watcher import End, Watcher, Work


class Recorder(Watcher):
    """Keeps steps and ends, in the order in which they came."""

    def __init__(self) -> None:
        self.open: set[Work] = set()
        self.steps: list[tuple[str, str, float, float]] = []
        self.ends: list[tuple[str, End, float, float]] = []

    def began(self, work: Work, at_s: float) -> None:
        assert work not in self.open
        self.open.add(work)

    def step(self, work: Work, name: str, began_s: float, ended_s: float) -> None:
        assert work in self.open
        self.steps.append((work.study, name, began_s, ended_s))

    def ended(self, work: Work, end: End, began_s: float, ended_s: float) -> None:
        self.open.remove(work)
        self.ends.append((work.study, end, began_s, ended_s))
