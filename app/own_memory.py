"""How a process that belongs to one command treats its memory.

The networks and the resampling take and give back blocks of up to a hundred megabytes. glibc
returns each to the system at once, which has to clear its pages again for the next one.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""

_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the process keep what it frees, for what it needs next, until it ends.

    For a process of our own alone: it changes every library's allocations.

    Returns:
        Whether it does so: only where there is glibc.
    """
    if sys.platform != "linux":
        return False
    try:
        library = ctypes.CDLL(None)
        # A function of glibc alone: other C libraries may have a mallopt that does nothing.
        library.gnu_get_libc_version  # noqa: B018
        mallopt = library.mallopt
    except (AttributeError, OSError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))


def keep_imports() -> None:
    """Spare the garbage collector what was imported and loaded: it stays until the process ends."""
    gc.freeze()
    gc.enable()


def import_without_collections() -> None:
    """Let no collection interrupt the imports, until :func:`keep_imports`: they make no garbage."""
    gc.disable()
