"""Reads one mutated folder in a process of its own, with limits of memory and time."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import shutil
import signal
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.errors import ErrorCode
from tests.fuzz.bases import Files
from tests.fuzz.mutations import mutated
from tests.input_matrix.outcome import is_sound

if TYPE_CHECKING:
    from nodulus.app.volume import CtVolume

CPU_SECONDS = 20
WALL_SECONDS = 900
ADDRESS_SPACE = 3 * 2**30
RESIDENT_MIB = 512
OF_THE_BASES = {"thick-slices", "unscanned-gaps"}
"""Warnings that the series have before they are damaged."""


@dataclass(frozen=True)
class Verdict:
    """What became of one case.

    Args:
        number: of the case; with the seed it says everything.
        base: which series was mutated.
        outcome: ``volume``, ``volume with warnings`` or ``refused``; or what must not be:
            ``crash``, ``hang``, ``memory``, ``unsound``, ``results`` (some could not be
            written), ``died``.
        detail: the code, the warnings, or the traceback.
    """

    number: int
    base: str
    outcome: str
    detail: str

    @property
    def is_failure(self) -> bool:
        """Whether the reader broke its word."""
        return self.outcome not in ("volume", "volume with warnings", "refused")


def run_cases(
    bases: dict[str, Files], seed: int, numbers: Iterable[int], *, write: bool = False
) -> Iterator[Verdict]:
    """Make and read cases, each by its own seed, so that one can be had again alone.

    Args:
        bases: the series to damage.
        seed: of all cases.
        numbers: of the cases.
        write: also write every result about what is read, and read them back.
    """
    names = sorted(bases)
    if write:
        # Here once, and not in every child.
        from nodulus.app.results.write_results import import_writers

        import_writers()
        import_module("tests.headers.outcome")
    for number in numbers:
        rng = random.Random(f"{seed}-{number}")
        base = rng.choice(names)
        folder = Path(tempfile.mkdtemp(prefix="nodulus-fuzz-"))
        try:
            for name, content in mutated(rng, bases[base]).items():
                (folder / name).write_bytes(content)
            outcome, detail = _in_child(folder, write=write)
        finally:
            shutil.rmtree(folder)
        yield Verdict(number, base, outcome, detail)


def _in_child(folder: Path, *, write: bool) -> tuple[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _limit()
            answer = _read(folder, write=write)
        except BaseException:
            answer = ("crash", traceback.format_exc())
        os.write(writing, json.dumps(answer).encode()[:60000])
        os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], WALL_SECONDS)
    if not ready:
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read() if ready else b""
    _, status = os.waitpid(child, 0)
    if not ready or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return "hang", f"more than {CPU_SECONDS} s of CPU or {WALL_SECONDS} s"
    if not told:
        return "died", f"wait status {status}"
    outcome, detail = json.loads(told)
    return outcome, detail


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(folder: Path, *, write: bool) -> tuple[str, str]:
    """Read every study; the worst outcome of them counts."""
    from nodulus.app.errors import NodulusError
    from nodulus.app.reading import find_studies

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = "volume"
    details: set[str] = set()
    try:
        found = find_studies(folder)
        details |= {problem.code.value for problem in found.problems}
        if found.problems:
            outcome = "volume with warnings"
        for study in found.studies:
            try:
                volume = study.load()
            except NodulusError as error:
                outcome = "refused"
                details.add(error.code.value)
                continue
            if not is_sound(volume):
                return "unsound", f"{volume.hu.shape}, {volume.geometry.affine_lps.tolist()}"
            if write and (wrong := _written(volume, folder / "out")):
                return "results", wrong
            codes = {warning.code for warning in volume.warnings} - OF_THE_BASES
            if codes and outcome == "volume":
                outcome = "volume with warnings"
            details |= codes
        if not found.studies:
            outcome = "refused"
    except NodulusError as error:
        outcome = "refused"
        details.add(error.code.value)
    if ErrorCode.INTERNAL.value in details:
        return "crash", "internal-error"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if grown > RESIDENT_MIB:
        return "memory", f"{grown:.0f} MiB"
    return outcome, ", ".join(sorted(details))


def _written(volume: CtVolume, folder: Path) -> str | None:
    """Write every result about two findings; what is wrong with them."""
    import numpy as np

    from tests.headers.outcome import write_all

    labels = np.zeros(volume.hu.shape, np.uint8)
    slices, rows, columns = labels.shape
    labels[slices // 4 : slices // 2, rows // 4 : rows // 2, columns // 4 : columns // 2] = 1
    labels[-(slices // 4) - 1 :, rows // 2 : rows // 2 + 2, columns // 2 : columns // 2 + 2] = 2
    return write_all(volume, folder, validate=False, labels=labels)
