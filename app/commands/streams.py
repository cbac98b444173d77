"""The standard streams, whatever they are connected to."""

from __future__ import annotations

import sys
from contextlib import suppress


def any_encoding() -> None:
    """Let the standard streams print what their encoding has not, as an escape.

    A place's name, or a file name that is not UTF-8, must not end the work in a terminal that
    knows ASCII alone.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def flush_streams() -> None:
    """Flush the standard streams, as far as somebody still reads them."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
