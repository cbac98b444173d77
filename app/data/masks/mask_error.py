"""Why a mask cannot be used."""

from __future__ import annotations

from enum import Enum
from pathlib import Path


class MaskProblem(str, Enum):
    """What is wrong with a mask, for programs."""

    NOT_READABLE = "not-readable"
    MISMATCH = "mismatch"
    NOTHING_CHOSEN = "nothing-chosen"


class MaskError(ValueError):
    """A mask that cannot be used; the message names the file.

    Args:
        problem: what kind of thing is wrong.
        path: the mask's file.
        message: what is wrong, with numbers where there are any.
    """

    def __init__(self, problem: MaskProblem, path: Path, message: str) -> None:
        self.problem = problem
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments, so that a worker process can raise it."""
        return MaskError, (self.problem, self.path, self.message)
