"""The standard streams, whatever they are connected to."""

from __future__ import annotations

import os
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
    """Flush the standard streams, as far as somebody still reads them.

    Where nobody does, what is left goes nowhere, so that Python does not try again at its end and
    give a status of its own.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except ValueError:  # closed
            continue
        except OSError:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
