"""Printing that does not end the work when nobody listens any more."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from rich.console import Console


class LastingConsole(Console):
    """A console for programs that must go on when its stream is closed, full or gone.

    What cannot be printed then is dropped; it stands in the results.
    """

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as `Console.print`, or be quiet from now on."""
        try:
            super().print(*objects, **how)
        except (OSError, ValueError):  # the latter from a stream that is closed
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Be quiet from now on; what the stream still holds goes nowhere at its end."""
        self.quiet = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)
