"""Steps of the chain: told while they run, timed when they end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from nodulus.app.progress import Progress, StepProgress


class Steps:
    """Tells and times steps.

    Args:
        progress: told of each step.

    Attributes:
        timings_s: seconds of each step that has ended.
    """

    def __init__(self, progress: StepProgress | None = None) -> None:
        self.timings_s: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[Progress]:
        """Run a step; its body may report how far it is."""
        began = time.perf_counter()

        def report(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(name, done, total)

        report(0, 1)
        yield report
        report(1, 1)
        self.timings_s[name] = round(time.perf_counter() - began, 3)
