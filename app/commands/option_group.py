"""Options that several commands have, or that belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Option = Callable[[Any], Any]


def option_group(*options: _Option) -> Callable[[_Command], _Command]:
    """Give a decorator that adds options to a command, in this order.

    Args:
        options: as `click.option` gives them.
    """

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
