"""Progress of a run in the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

    from nodulus.app.reading import StudyInput


class StudyProgress:
    """One bar: what is done now, in which study; quiet where the output is no terminal.

    Args:
        console: where the bar is drawn.
    """

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._current: TaskID | None = None
        self._label = ""

    def __enter__(self) -> StudyProgress:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        self._bar.stop()

    def task(self, label: str, total: int = 1) -> None:
        """Begin something new."""
        if label == self._label:
            return
        if self._current is not None:
            self._bar.remove_task(self._current)
        self._label = label
        self._current = self._bar.add_task(label, total=total)

    def files(self, done: int, total: int) -> None:
        """Progress of looking through files."""
        self._update(done, total)

    def step(self, label: str, done: int, total: int) -> None:
        """Progress of a step of preparing training data."""
        self.task(label, total)
        self._update(done, total)

    def study(self, study: StudyInput, step: str, done: int, total: int) -> None:
        """Progress of one step of one study."""
        self.task(f"{study.key[-12:]} {step}", total)
        self._update(done, total)

    def _update(self, done: int, total: int) -> None:
        if self._current is not None:
            self._bar.update(self._current, completed=done, total=total)
