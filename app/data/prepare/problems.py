"""What is wrong with the input, in words and as rows of ``problems.csv``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class ProblemKind(str, Enum):
    """What kind of thing is wrong, for programs; a kind never changes its meaning."""

    SERIES_NOT_ON_DISK = "series-not-on-disk"
    IMAGE_MISSING = "image-missing"
    IMAGE_BROKEN = "image-broken"
    NO_LUNGS = "no-lungs"
    UID_TWICE = "uid-twice"
    SUBSETS_MISSING = "subsets-missing"
    SERIES_NOT_LISTED = "series-not-listed"
    SERIES_UNANNOTATED = "series-unannotated"
    PATIENT_UNKNOWN = "patient-unknown"
    TABLE_MISSING = "table-missing"
    TABLE_FORM = "table-form"
    ROW_BROKEN = "row-broken"
    ROW_TWICE = "row-twice"
    OUTSIDE_VOLUME = "outside-volume"
    OUTSIDE_LUNGS = "outside-lungs"
    CLASS_DIFFERS = "class-differs"
    RATINGS_MISSING = "ratings-missing"
    SLICES_MISSING = "slices-missing"
    OUTLINES_LOST = "outlines-lost"
    MASK_BROKEN = "mask-broken"
    MASK_MISMATCH = "mask-mismatch"
    MASK_MISSING = "mask-missing"
    LABEL_MISSING = "label-missing"
    LABEL_UNLISTED = "label-unlisted"
    INPUT_MENDED = "input-mended"


NOTES = frozenset(
    {
        ProblemKind.CLASS_DIFFERS,
        ProblemKind.INPUT_MENDED,
        ProblemKind.OUTSIDE_LUNGS,
        ProblemKind.PATIENT_UNKNOWN,
        ProblemKind.RATINGS_MISSING,
        ProblemKind.SERIES_UNANNOTATED,
        ProblemKind.SUBSETS_MISSING,
        ProblemKind.TABLE_MISSING,
    }
)
"""What is said, and is no reason to refuse the input under ``--strict``."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input; no patient identity in it.

    Args:
        kind: what kind of thing.
        message: what is wrong and what was done about it, in one sentence with its numbers.
        path: the file.
        row: line of the file, the first being 1; None where it is not about one.
        series_uid: the series; None where it is not about one.
    """

    kind: ProblemKind
    message: str
    path: Path | None = None
    row: int | None = None
    series_uid: str | None = None

    @property
    def is_note(self) -> bool:
        """Whether ``--strict`` lets it pass."""
        return self.kind in NOTES

    def __str__(self) -> str:
        place = "" if self.path is None else f"{self.path}: "
        return f"{place}{'' if self.row is None else f'row {self.row}: '}{self.message}"


class ScanError(ValueError):
    """A scan that cannot be prepared; raised by what loads it.

    Args:
        problem: why.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the argument, so that a worker process can raise it."""
        return ScanError, (self.problem,)


class StrictError(ValueError):
    """Input that is refused because something is wrong with it.

    Args:
        problems: what.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{len(self.problems)} problems, the first: {self.problems[0]}")


def refuse(problems: Iterable[Problem]) -> None:
    """Raise :class:`StrictError` where there is more than notes."""
    grave = [problem for problem in problems if not problem.is_note]
    if grave:
        raise StrictError(grave)
