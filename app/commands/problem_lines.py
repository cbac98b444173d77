"""What could not be read, for people: a few lines even where it is thousands of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from nodulus.app.errors import NodulusError

_SHOWN = 5


def problem_lines(problems: Iterable[NodulusError]) -> Iterator[str]:
    """Give a line for each problem, but no more than a few for each code, and their number.

    Args:
        problems: summary.json names every one of them.
    """
    by_code: dict[str, list[NodulusError]] = defaultdict(list)
    for problem in problems:
        by_code[problem.code.value].append(problem)
    for code, alike in by_code.items():
        # A line that says "one more" is no shorter than the one.
        shown = len(alike) if len(alike) <= _SHOWN + 1 else _SHOWN
        yield from (f"error: {problem}" for problem in alike[:shown])
        if len(alike) > shown:
            yield f"error: [{code}] {len(alike) - shown:,} more files; summary.json names them."
