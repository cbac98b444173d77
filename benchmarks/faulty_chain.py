"""A cohort whose chain suffers the faults of a plan, as a command; for benchmarks/cohort_faults.py.

Items, ledger, supervisor, workers and tables are those of `nodulus cohort`. By default a stand-in
takes the place of the chain: it looks through a study's files and reads its volume as the chain
does, finds nothing, and writes findings.json; so that a worker starts in a second and not in ten.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodulus.app.cohort.items import CohortItem, inventory
from nodulus.app.cohort.ledger import WHOLE_ITEM, Outcome
from nodulus.app.cohort.memory import peak_mib
from nodulus.app.cohort.run_cohort import Shard, run_cohort, summing_up, write_tables
from nodulus.app.cohort.supervisor import Limits
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

MIB = 2**20
HOG_MIB = 4096
"""What a memory hog tries to take; its worker is stopped on the way."""
MEMORY_LIMIT_MIB = 1500.0
OURS = frozenset(
    {ErrorCode.INTERNAL, ErrorCode.OUTPUT_NOT_WRITABLE, ErrorCode.SOURCE_NOT_REACHABLE}
)
"""Errors of the stand-in that make a study failed, and not refused."""


@dataclass(frozen=True)
class StandInOptions:
    """How the stand-in works; can be pickled.

    Args:
        output: the folder for results.
        plan: JSON file with the fault of each study that has one, by its key.
        marks: folder that gets a line for each time that a study is begun.
        threads: of one worker.
    """

    output: Path
    plan: Path
    marks: Path
    threads: int = 1

    def start(self) -> StandIn:
        """Read the plan."""
        return StandIn(self)

    def fingerprint(self) -> str:
        """The same for every run."""
        return "stand-in"


class StandIn:
    """Runs items; does to its process what the plan says of a study, when its analysis begins."""

    def __init__(self, options: StandInOptions) -> None:
        self._options = options
        self._faults = json.loads(options.plan.read_text(encoding="utf-8"))

    def run(
        self,
        item: CohortItem,
        claim: Callable[[str, Sequence[str]], list[str]],
        tell: Callable[[str, str], None],
        put: Callable[[Outcome], None],
    ) -> list[NodulusError]:
        """See `ItemRunner.run`."""
        from nodulus.app.private_folder import private_folder
        from nodulus.app.reading import find_studies

        tell(WHOLE_ITEM, "look")
        try:
            if item.remote is None:
                assert item.path is not None
                found = find_studies(item.path)
                self._studies(item, found.studies, claim, tell, put)
            else:
                with private_folder() as folder:
                    item.remote.fetch(folder)
                    found = find_studies(folder)
                    self._studies(item, found.studies, claim, tell, put)
        except NodulusError as error:
            put(_outcome(item, WHOLE_ITEM, error))
            return []
        if not found.studies and found.problems:
            put(_outcome(item, WHOLE_ITEM, found.problems[0]))
        return list(found.problems)

    def _studies(
        self,
        item: CohortItem,
        studies: Sequence[Any],
        claim: Callable[[str, Sequence[str]], list[str]],
        tell: Callable[[str, str], None],
        put: Callable[[Outcome], None],
    ) -> None:
        wanted = claim(item.id, [study.key for study in studies])
        for study in studies:
            if study.key in wanted:
                began = time.perf_counter(), time.process_time()
                tell(study.key, "read")
                try:
                    volume = study.load()
                    tell(study.key, "analysis")
                    self._suffer(study.key)
                    self._write(study.key, volume)
                except NodulusError as error:
                    put(_outcome(item, study.key, error))
                    continue
                put(
                    Outcome(
                        item.id, study.key, "done", study.key, findings=0,
                        wall_s=time.perf_counter() - began[0],
                        cpu_s=time.process_time() - began[1], peak_mib=peak_mib(),
                    )
                )  # fmt: skip

    def _suffer(self, key: str) -> None:
        mark = self._options.marks / key
        with mark.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        fault = self._faults.get(key)
        if fault == "die" or (fault == "die-once" and len(mark.read_text().splitlines()) == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "hang":
            time.sleep(3600)
        elif fault == "hog":
            held = []
            for _ in range(HOG_MIB // 64):
                held.append(bytearray(os.urandom(4096) * (64 * MIB // 4096)))
                time.sleep(0.05)
            time.sleep(3600)

    def _write(self, key: str, volume: Any) -> None:
        from nodulus.app.result import StudyResult, VolumeInfo
        from nodulus.app.results.folder import FINDINGS_FILE, replaced_folder

        affine = volume.geometry.affine_lps
        result = StudyResult(
            nodulus_version="stand-in", created="", study_uid=key, series_uid=volume.series_uid,
            volume=VolumeInfo(
                source_format="dicom", shape_irc=volume.hu.shape,
                spacing_irc_mm=volume.geometry.spacing_irc_mm,
                affine_lps=tuple(tuple(map(float, row)) for row in affine),
            ),
            models=(), operating_points=(), findings=(),
        )  # fmt: skip
        with replaced_folder(self._options.output / key) as staged:
            try:
                (staged.part / FINDINGS_FILE).write_text(result.model_dump_json())
                (staged.part / "labels.bin").write_bytes(bytes(volume.hu.size))
            except OSError as error:
                raise not_writable(self._options.output, error) from error


def _outcome(item: CohortItem, key: str, error: NodulusError) -> Outcome:
    return Outcome(
        item.id, key, "failed" if error.code in OURS else "refused", code=error.code.value,
        message=error.message, remedy=error.remedy, subject=error.subject,
    )  # fmt: skip


def main() -> None:
    """Run a cohort."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("source")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--marks", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard", type=int, nargs=2, default=(1, 1))
    parser.add_argument("--time-limit", type=float, default=15.0)
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--retry-failed", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a shell's "&"
    options: Any = StandInOptions(given.output, given.plan, given.marks)

    def run(new_worker: Any = None) -> None:
        ended = run_cohort(
            inventory([given.source]),
            options,
            Shard(*given.shard),
            workers=given.workers,
            limits=Limits(given.time_limit, MEMORY_LIMIT_MIB),
            retry_failed=given.retry_failed,
            new_worker=new_worker,
        )
        with summing_up(given.output):
            write_tables(given.output)
        print(json.dumps({"counts": ended.counts, "wall_s": ended.wall_s, "cpu_s": ended.cpu_s}))

    if not given.ray:
        run()
        return
    from nodulus.app.cohort.ray_cluster import RayCluster, connected

    with connected("local"):
        run(RayCluster(0).worker)


if __name__ == "__main__":
    main()
