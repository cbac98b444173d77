"""Times of one worker's items, studies and steps, from what it says that it is at."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nodulus.app.telemetry.watcher import ITEM_ITSELF, End, Watcher, Work


@dataclass
class _Open:
    """What has begun and not ended: an item or a study, and its step."""

    work: Work
    began_s: float
    step: str = ""
    step_began_s: float = 0.0


class StudyClock:
    """Turns what a worker says into calls of a watcher, each study inside its item.

    The clocks of two machines differ: what would end before it began takes no time.

    Args:
        watcher: is told.
        worker: its name.
    """

    def __init__(self, watcher: Watcher, worker: str) -> None:
        self._watcher = watcher
        self._worker = worker
        self._item: _Open | None = None
        self._study: _Open | None = None
        self._item_end = End()
        self._now_s = 0.0

    def begin(self, item: str, at_s: float) -> None:
        """The worker takes an item."""
        self._now_s = at_s
        self._item_end = End()
        self._item = self._begun(Work(item, ITEM_ITSELF, self._worker))

    def step(self, study: str, name: str, at_s: float) -> None:
        """The worker begins a step.

        Args:
            study: the key of a study, or `ITEM_ITSELF`.
            name: of the step.
            at_s: when, in seconds since 1970.
        """
        if self._item is None:
            return
        self._advance(at_s)
        if study == ITEM_ITSELF:
            self._close_study(End())
            self._next_step(self._item, name)
            return
        self._next_step(self._item, "")
        if self._study is not None and self._study.work.study != study:
            self._close_study(End())
        if self._study is None:
            self._study = self._begun(Work(self._item.work.item, study, self._worker))
        self._next_step(self._study, name)

    def outcome(self, study: str, end: End, at_s: float) -> None:
        """A study, or the item itself, has come to an end.

        Args:
            study: its key, or `ITEM_ITSELF`.
            end: how it ended.
            at_s: when.
        """
        self._advance(at_s)
        if study == ITEM_ITSELF:
            self._item_end = end
        elif self._study is not None and self._study.work.study == study:
            self._close_study(end)

    def end(self, at_s: float) -> None:
        """The worker has come to the end of its item."""
        if self._item is not None:
            self._advance(at_s)
            self._close_study(End())
            self._close_item(self._item_end)

    def cut(self, end: End, at_s: float, *, again: bool) -> None:
        """The worker is no more.

        Args:
            end: how the study ended that it was at, or the item where it was at none.
            at_s: when.
            again: whether the item is given to another worker.
        """
        if self._item is None:
            return
        self._advance(at_s)
        in_study = self._study is not None
        self._close_study(end)
        self._close_item(replace(End(code=end.code) if in_study else end, again=again))

    def _close_item(self, end: End) -> None:
        assert self._item is not None, "it was begun"
        self._next_step(self._item, "")
        self._ended(self._item, end)
        self._item = None

    def _advance(self, at_s: float) -> None:
        self._now_s = max(self._now_s, at_s)

    def _begun(self, work: Work) -> _Open:
        self._watcher.began(work, self._now_s)
        return _Open(work, self._now_s)

    def _next_step(self, what: _Open, name: str) -> None:
        """End the step that is open, and begin another one, or none where it has no name."""
        if what.step == name:
            return
        if what.step:
            self._watcher.step(what.work, what.step, what.step_began_s, self._now_s)
        what.step, what.step_began_s = name, self._now_s

    def _close_study(self, end: End) -> None:
        if self._study is not None:
            self._next_step(self._study, "")
            self._ended(self._study, end)
            self._study = None

    def _ended(self, what: _Open, end: End) -> None:
        self._watcher.ended(what.work, end, what.began_s, self._now_s)
