"""How far a piece of work is, as functions that are called while it goes on."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

StepProgress = Callable[[str, int, int], None]
"""Called with (step, done, total)."""
