"""Many problems alike are one line with their number."""

from __future__ import annotations

import pytest

from nodulus.app.commands.problem_lines import problem_lines
from nodulus.app.errors import ErrorCode, NodulusError


def problems(number: int, code: ErrorCode) -> list[NodulusError]:
    return [
        NodulusError(code, "It is odd.", remedy="Mend it.", subject=f"{n}") for n in range(number)
    ]


@pytest.mark.parametrize(("number", "lines"), [(0, 0), (1, 1), (6, 6), (7, 6), (3000, 6)])
def test_many_alike_are_counted(number: int, lines: int) -> None:
    told = list(problem_lines(problems(number, ErrorCode.TRUNCATED_FILE)))
    assert len(told) == lines
    if number > lines:
        assert f"{number - 5:,} more" in told[-1]


def test_another_code_is_always_seen() -> None:
    told = list(
        problem_lines(
            [*problems(50, ErrorCode.TRUNCATED_FILE), *problems(1, ErrorCode.INVALID_ATTRIBUTE)]
        )
    )
    assert len(told) == 7
    assert "invalid-attribute" in told[-1]
