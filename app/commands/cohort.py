"""`nodulus cohort`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.candidates_option import candidates_options, taken_for_many
from nodulus.app.commands.chain_options import (
    device_option,
    memory_limit_option,
    model_service_option,
    models_option,
    precision_option,
    settings_option,
    time_limit_option,
)
from nodulus.app.commands.clinical_option import clinical_option
from nodulus.app.commands.operating_point_option import operating_point_option
from nodulus.app.commands.output_options import output_options, taken
from nodulus.app.commands.root import EXIT_FAILED
from nodulus.app.commands.telemetry_options import metrics_option, telemetry_options, watching
from nodulus.app.end_of_process import clean_end

if TYPE_CHECKING:
    from rich.console import Console

    from nodulus.app.chain.network.precision import PrecisionSetting
    from nodulus.app.cohort.item_runner import RunnerOptions
    from nodulus.app.cohort.ledger import Outcome
    from nodulus.app.cohort.run_cohort import CohortRun, Shard
    from nodulus.app.cohort.supervisor import Limits, NewWorker
    from nodulus.app.result import PointName
    from nodulus.app.telemetry.watcher import Watcher

INTERRUPTED = 130
"""Status after Ctrl-C, as a shell says it."""


def _shard(ctx: click.Context, param: click.Parameter, value: str) -> Shard:
    """Read ``i/n``, i from 1."""
    from nodulus.app.cohort.run_cohort import Shard

    number, slash, count = value.partition("/")
    if slash and number.isascii() and number.isdigit() and count.isascii() and count.isdigit():
        shard = Shard(int(number), int(count))
        if 1 <= shard.number <= shard.count:
            return shard
    raise click.BadParameter(f"{value!r} is not i/n with i from 1 to n.", ctx, param)


@click.command("cohort")
@click.argument("sources", metavar="SOURCES...", nargs=-1, required=True)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for results."
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes; default: one a core. 0: everything in this process, without limits.",
)
@click.option(
    "--shard",
    callback=_shard,
    metavar="I/N",
    default="1/1",
    show_default=True,
    help="Only part I of N, for as many machines; the same parts everywhere.",
)
@click.option(
    "--ray",
    "ray_address",
    metavar="ADDRESS",
    help="Workers on the machines of a Ray cluster: auto, its head's address, or local. All of them"
    " must see SOURCES and OUTPUT under the same paths.",
)
@click.option("--retry-failed", is_flag=True, help="Try studies again that failed.")
@time_limit_option
@memory_limit_option
@clinical_option
@candidates_options
@models_option
@model_service_option
@settings_option
@operating_point_option
@output_options()
@device_option
@precision_option
@telemetry_options
@metrics_option
def command(
    sources: tuple[str, ...],
    output: Path,
    workers: int | None,
    shard: Shard,
    ray_address: str | None,
    retry_failed: bool,
    time_limit: float,
    memory_limit: float | None,
    clinical: Path | None,
    models: Path | None,
    model_service: str | None,
    settings: Path | None,
    operating_point: PointName | None,
    device: str,
    precision: PrecisionSetting | None,
    log_json: Path | None,
    traces: bool,
    metrics: Path | None,
    **results: Any,
) -> None:
    """Find and rate lung nodules in many studies, on every core.

    SOURCES are folders, DICOM or research files, zip files, DICOMweb servers (their URL, with the
    filters of a search), object storage (such as s3://bucket/scans), or tables (.csv, .parquet)
    with a column "path". Each study gets a folder
    in OUTPUT as with detect; OUTPUT/cohort has studies and findings as tables (CSV and Parquet), a
    page (index.html) and the run's manifest.

    What is done is not done again: after Ctrl-C, a crash or a power cut the same command goes on.

    Exit status: 0 all studies done, 1 some refused, failed or left, 2 wrong usage.
    """
    from nodulus.app.cohort.item_runner import RunnerOptions
    from nodulus.app.cohort.supervisor import Limits

    if ray_address is not None and workers == 0:
        raise click.UsageError("--workers 0 has no child process, and --ray works in others.")
    with clean_end(), ExitStack() as stack:
        cores, mib, new_worker = _machines(ray_address, stack)
        count = cores if workers is None else workers
        outputs = taken(results)
        options = RunnerOptions(
            output,
            models,
            settings,
            operating_point,
            device,
            precision,
            outputs,
            threads=max(1, cores // max(1, count)),
            clinical=clinical,
            candidates=taken_for_many(results, outputs.deidentify, device),
            model_service=model_service,
        )
        limits = Limits(time_limit, memory_limit or 0.9 * mib / max(1, count))
        watcher = stack.enter_context(
            watching(
                log_json, traces=traces, metrics=metrics, shard=f"{shard.number}/{shard.count}"
            )
        )
        failed = _run(
            sources, options, shard, count, limits, new_worker, watcher, retry_failed=retry_failed
        )
    if failed:
        sys.exit(EXIT_FAILED)


def _machines(ray_address: str | None, stack: ExitStack) -> tuple[int, float, NewWorker | None]:
    """Cores, memory (MiB) and what starts workers: of this machine, or of a cluster."""
    from nodulus.app.cohort.memory import machine_mib, usable_cores

    if ray_address is None:
        return usable_cores(), machine_mib(), None
    from nodulus.app.cohort.ray_cluster import RayCluster, cluster_size, connected

    stack.enter_context(connected(ray_address))
    cores, gpus, mib = cluster_size()
    return cores, mib, RayCluster(gpus).worker


def _run(
    sources: tuple[str, ...],
    options: RunnerOptions,
    shard: Shard,
    workers: int,
    limits: Limits,
    new_worker: NewWorker | None,
    watcher: Watcher,
    *,
    retry_failed: bool,
) -> bool:
    """Do it; tell whether anything was refused, failed, or could not be used."""
    from nodulus.app.cohort.cohort_page import write_page
    from nodulus.app.cohort.items import inventory
    from nodulus.app.cohort.manifest import write_manifest
    from nodulus.app.cohort.packages import psutil, pyarrow_parquet
    from nodulus.app.cohort.run_cohort import run_cohort, summing_up, write_tables
    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.commands.terminal import LastingConsole
    from nodulus.app.guidelines.clinical import ClinicalFile
    from nodulus.app.output import OutputFolder

    psutil(), pyarrow_parquet()  # rather now than after a night
    options.results.check()
    if options.clinical is not None:
        ClinicalFile(options.clinical).check_several()
    console = LastingConsole(highlight=False, soft_wrap=True)
    errors = LastingConsole(stderr=True, highlight=False)
    OutputFolder(options.output)
    with StudyProgress(errors) as looking:
        looking.task("looking for studies")
        found = inventory(sources, looking.files)
    for problem in found.problems:
        errors.print(f"error: {problem}", style="red", markup=False, soft_wrap=True)
    with _Bar(errors) as bar, sigterm_interrupts():
        try:
            run = run_cohort(
                found,
                options,
                shard,
                workers=workers,
                limits=limits,
                retry_failed=retry_failed,
                begun=bar.begin,
                tell=bar.tell,
                new_worker=new_worker,
                watcher=watcher,
            )
        except KeyboardInterrupt:
            errors.print("Interrupted. The same command goes on from here.")
            sys.exit(INTERRUPTED)
    write_manifest(run, options, workers)
    deidentify = options.results.deidentify
    with summing_up(options.output):
        tables = write_tables(options.output, deidentify=deidentify)
        page = write_page(options.output, deidentify=deidentify)
    _print(console, run)
    for path in (*tables, page):
        console.print(f"  {path}", markup=False)
    return run.failed or bool(found.problems)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Take SIGTERM, which schedulers send, like Ctrl-C, so that log and traces have an end."""
    import signal
    import threading

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # only there can signals be handled
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(console: Console, run: CohortRun) -> None:
    counts = run.counts
    console.print(
        f"{counts['done']:,} done, {counts['refused']:,} refused, {counts['failed']:,} failed,"
        f" {counts['duplicate']:,} duplicates, {counts['open']:,} left"
        f" ({run.done_before:,} ended before this run, which took {run.wall_s:,.0f} s)",
        markup=False,
    )


class _Bar:
    """Items that have ended, how many failed, and the time that is left at the pace so far."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("studies", total=None, left="")
        self._began = time.monotonic()
        self._ended = self._total = 0

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, to_do: int, before: int) -> None:
        """Say how much there is."""
        self._total, self._began = to_do, time.monotonic()
        self._bar.update(self._task, total=to_do)
        self._console.print(f"{to_do:,} to do, {before:,} done before", markup=False)

    def tell(self, outcome: Outcome | None) -> None:
        """Count an item that has ended; name a study that went wrong."""
        if outcome is None:
            self._ended += 1
            self._bar.update(self._task, completed=self._ended, left=self._left())
        elif outcome.code is not None:
            where = outcome.key or outcome.subject or outcome.item
            self._console.print(
                f"error: [{outcome.code}] {where}: {outcome.message} {outcome.remedy}",
                style="red",
                markup=False,
                soft_wrap=True,
            )

    def _left(self) -> str:
        from datetime import timedelta

        pace = (time.monotonic() - self._began) / self._ended
        return f"about {timedelta(seconds=round(pace * (self._total - self._ended)))} left"
