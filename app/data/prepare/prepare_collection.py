"""Prepares what a source found, with errors that a user can act on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nodulus.app.data.prepare.problems import Problem, StrictError
from nodulus.app.data.prepare.record import CacheSettings
from nodulus.app.data.prepare.summary import PrepareSummary
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.app.data.prepare.write_cache import WorkerLostError, prepare_scans
from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.progress import StepProgress
from nodulus.app.reading.message_words import count

_WORKER_BYTES = 3 * 2**30
"""What a process takes: 1.6 GiB for 512 x 512 x 300 voxels, more for longer scans."""


@dataclass(frozen=True)
class Found:
    """What a source holds.

    Args:
        source: what kind of data it is.
        scans: to prepare.
        problems: what is wrong with the rest.
        expected: how much there should be, by the names of the summary's counts.
    """

    source: str
    scans: Sequence[TrainingScan]
    problems: Sequence[Problem]
    expected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PrepareOptions:
    """How to prepare.

    Args:
        spacing_mm: isotropic spacing.
        workers: processes; None for one a core, fewer where memory is short.
        strict: refuse input that anything is wrong with.
        verify: compare the checksum of each prepared file that is there.
    """

    spacing_mm: float = 1.0
    workers: int | None = None
    strict: bool = False
    verify: bool = False


def prepare_found(
    found: Found, cache: Path, options: PrepareOptions, progress: StepProgress | None = None
) -> PrepareSummary:
    """Prepare scans into a cache.

    Args:
        found: what to prepare.
        cache: the folder; what is there and still right is kept.
        options: how.
        progress: called with (step, done, total).

    Raises:
        NodulusError: the input is refused (``--strict``), the cache cannot be written to or was
            made in another way, or a process was killed.
    """
    try:
        return prepare_scans(
            found.scans,
            cache,
            settings=CacheSettings(spacing_mm=options.spacing_mm),
            workers=options.workers or _workers(),
            strict=options.strict,
            verify=options.verify,
            problems=found.problems,
            source=found.source,
            expected=found.expected,
            progress=progress,
        )
    except StrictError as error:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            f"{count(len(error.problems), 'problem')}, the first: {error.problems[0]}.",
            remedy="Mend the input, or run without --strict to prepare the rest and list them all.",
        ) from error
    except WorkerLostError as error:
        raise NodulusError(
            ErrorCode.INTERNAL,
            f"{str(error).capitalize()}.",
            remedy="Run again with fewer --workers: it goes on where it stopped.",
        ) from error
    except OSError as error:
        raise not_writable(cache, error) from error
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"It cannot be prepared into this folder: {error}.",
            remedy="Choose an empty folder, or the settings that it was made with.",
            subject=cache,
        ) from error


def _workers() -> int:
    """The cores that this process may use, as far as the machine's memory goes."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return cores
    return max(1, min(cores, memory // _WORKER_BYTES))
