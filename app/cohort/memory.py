"""Memory of processes and of the machine."""

from __future__ import annotations

import os
import sys

from nodulus.app.cohort.packages import psutil

MIB = 2**20


def peak_mib() -> float | None:
    """Most memory that this process has held so far, in MiB; None where nobody tells."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB)


def resident_mib(process_id: int) -> float:
    """Memory that a process holds now, in MiB; 0 where it is gone."""
    library = psutil()
    try:
        return float(library.Process(process_id).memory_info().rss / MIB)
    except library.Error:
        return 0.0


def machine_mib() -> float:
    """Memory of the machine, in MiB."""
    return float(psutil().virtual_memory().total / MIB)


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
