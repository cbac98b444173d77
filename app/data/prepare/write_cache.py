"""Writes a training cache: every scan prepared once, and tables of what is known of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from nodulus.app.data.prepare.cache_tables import write_tables
from nodulus.app.data.prepare.prepare_scan import PreparedScan, prepare_one
from nodulus.app.data.prepare.problems import Problem, ProblemKind, refuse
from nodulus.app.data.prepare.record import (
    CacheSettings,
    Record,
    SourceFile,
    is_current,
    read_records,
    stat_files,
)
from nodulus.app.data.prepare.rows import (
    IMAGE_COLUMNS,
    candidate_rows,
    described,
    excluded_rows,
    nodule_row,
    rating_columns,
    study_row,
)
from nodulus.app.data.prepare.summary import PrepareSummary, summarise
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.app.progress import StepProgress
from nodulus.app.worker_pool import worker_pool
from nodulus.bundles.common.atomic_files import remove_stale_parts
from nodulus.bundles.common.data import cache_folder
from nodulus.bundles.common.data.cache_folder import Manifest, prepared_path, record_path
from nodulus.bundles.common.data.prepared import CACHE_VERSION
from nodulus.bundles.common.data.tables import CENTER

_SPOILT = (ProblemKind.IMAGE_BROKEN, ProblemKind.UID_TWICE)
"""A scan on disk that has become this is no longer what was prepared."""


class WorkerLostError(RuntimeError):
    """A worker process was killed."""


def prepare_scans(
    scans: Sequence[TrainingScan],
    cache: Path,
    *,
    settings: CacheSettings | None = None,
    workers: int = 1,
    strict: bool = False,
    verify: bool = False,
    problems: Sequence[Problem] = (),
    source: str = "folder",
    expected: Mapping[str, int] | None = None,
    progress: StepProgress | None = None,
) -> PrepareSummary:
    """Prepare scans into a cache; those that are there and still right are kept.

    Scans that earlier runs prepared and that are not among these stay in the cache; so a data
    set can be prepared part by part.

    Args:
        scans: what to prepare.
        cache: the folder; made where it is missing.
        settings: spacing and margin.
        workers: processes.
        strict: refuse the input where anything is wrong with it.
        verify: compare the checksum of each prepared file that is there.
        problems: what the source found wrong.
        source: what kind of data this is, for the summary.
        expected: how much there should be, by the names of the summary's counts.
        progress: called with (step, done, total).

    Returns:
        What was done and what is in the cache now.

    Raises:
        StrictError: something is wrong with the input, and ``strict``; where it was known
            before reading, nothing is written.
        WorkerLostError: a worker process was killed; another run goes on from there.
        OSError: the cache cannot be written to.
        ValueError: two scans have one UID, or one that is no file name.
    """
    settings = settings or CacheSettings()
    tell = progress or (lambda step, done, total: None)
    given = _by_uid(scans)
    records = read_records(cache)
    kept = {uid: record for uid, record in records.items() if uid not in given}
    _check_alike(kept, settings, cache)
    found = [p for p in problems if not _is_kept(p, kept)]
    if strict:
        refuse(found)
    cache.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(cache / cache_folder.PREPARED)
    current = _current(scans, records, settings, cache, workers, verify, tell)
    todo = [scan for scan in scans if scan.series_uid not in current]
    spoilt = {p.series_uid for p in found if p.kind in _SPOILT}
    broken = [uid for uid in kept if uid in spoilt]
    if broken or any(scan.series_uid in records for scan in todo):
        # what the tables say about these scans no longer holds
        (cache / cache_folder.MANIFEST).unlink(missing_ok=True)
    for uid in broken:
        _forget(cache, kept.pop(uid).series_uid)
    if strict:
        refuse(p for record in current.values() for p in record.problems)
    made: dict[str, Record] = {}
    tell("preparing", 0, len(todo))
    with closing(_prepare_all(todo, settings, cache, workers)) as results:
        for done, (scan, result) in enumerate(results, start=1):
            if isinstance(result, Problem):
                found.append(result)
                _forget(cache, scan.series_uid)
            else:
                made[scan.series_uid] = _record(scan, result, settings)
                made[scan.series_uid].write(cache)
            if strict:
                refuse([result] if isinstance(result, Problem) else result.problems)
            tell("preparing", done, len(todo))
    every = [r for _, r in sorted({**kept, **current, **made}.items())]
    found += [problem for record in every for problem in record.problems]
    counts = {"prepared": len(made), "current": len(current), "kept": len(kept)}
    counts["skipped"] = len(todo) - len(made)
    summary = summarise(source, counts, every, found, expected or {})
    write_tables(cache, every, summary)
    Manifest(CACHE_VERSION, settings.spacing_mm, settings.margin_mm, len(every)).write(cache)
    return summary


def _by_uid(scans: Sequence[TrainingScan]) -> dict[str, TrainingScan]:
    given: dict[str, TrainingScan] = {}
    for scan in scans:
        if scan.series_uid in given:
            raise ValueError(f"two scans have the series UID {scan.series_uid}")
        if Path(scan.series_uid).name != scan.series_uid or scan.series_uid.startswith("."):
            raise ValueError(f"{scan.series_uid!r} cannot be a file name")
        given[scan.series_uid] = scan
    return given


def _check_alike(kept: Mapping[str, Record], settings: CacheSettings, cache: Path) -> None:
    for uid, record in kept.items():
        if (record.settings, record.version) != (settings, CACHE_VERSION):
            raise ValueError(
                f"{cache}: series {uid} was prepared with another spacing or version and is not "
                "among these scans; prepare into another folder"
            )


def _is_kept(problem: Problem, kept: Mapping[str, Record]) -> bool:
    """A scan that earlier runs prepared need not be on disk."""
    return problem.kind is ProblemKind.SERIES_NOT_ON_DISK and problem.series_uid in kept


def _current(
    scans: Sequence[TrainingScan],
    records: Mapping[str, Record],
    settings: CacheSettings,
    cache: Path,
    workers: int,
    verify: bool,
    tell: StepProgress,
) -> dict[str, Record]:
    """The records of the scans that are there and still right, brought up to date."""

    def look(scan: TrainingScan) -> tuple[SourceFile, ...] | None:
        record = records[scan.series_uid]
        try:
            sources = stat_files(scan.source_files, record)
            right = is_current(record, sources, settings.key(scan), cache, verify=verify)
        except OSError:  # what is wrong is found when it is read
            return None
        return sources if right else None

    known = [scan for scan in scans if scan.series_uid in records]
    current = {}
    with ThreadPoolExecutor(max(1, workers)) as pool:  # hashing lets go of the interpreter lock
        for done, (scan, sources) in enumerate(zip(known, pool.map(look, known), strict=True), 1):
            record = records[scan.series_uid]
            if sources is not None:
                fresh = _refreshed(record, scan, sources)
                if fresh != record:
                    fresh.write(cache)
                current[scan.series_uid] = fresh
            tell("checking", done, len(known))
    return current


def _prepare_all(
    scans: Sequence[TrainingScan], settings: CacheSettings, cache: Path, workers: int
) -> Generator[tuple[TrainingScan, PreparedScan | Problem], None, None]:
    if workers < 2 or len(scans) < 2:
        for scan in scans:
            yield scan, prepare_one(scan, settings, cache)
        return
    pool = worker_pool(min(workers, len(scans)), partial(torch.set_num_threads, 1))
    try:
        # candidates do not decide what is prepared: no need to send them
        tasks = {
            pool.submit(prepare_one, replace(scan, candidates=()), settings, cache): scan
            for scan in scans
        }
        for task in as_completed(tasks):
            yield tasks[task], task.result()
    except BrokenProcessPool as error:
        raise WorkerLostError(
            "a worker process was killed, most likely for lack of memory"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _forget(cache: Path, series_uid: str) -> None:
    record_path(cache, series_uid).unlink(missing_ok=True)
    prepared_path(cache, series_uid).unlink(missing_ok=True)


def _record(scan: TrainingScan, prepared: PreparedScan, settings: CacheSettings) -> Record:
    nodules = tuple(
        nodule_row(scan, nodule, round(volume, 2))
        for nodule, volume in zip(prepared.nodules, prepared.volumes_mm3, strict=True)
    )
    return Record(
        series_uid=scan.series_uid,
        settings=settings,
        version=CACHE_VERSION,
        key=settings.key(scan),
        sources=prepared.sources,
        prepared_bytes=prepared.prepared_bytes,
        prepared_sha256=prepared.prepared_sha256,
        study=study_row(scan, prepared),
        nodules=nodules,
        candidates=candidate_rows(scan, nodules),
        excluded=excluded_rows(scan),
        problems=prepared.problems,
    )


def _refreshed(record: Record, scan: TrainingScan, sources: tuple[SourceFile, ...]) -> Record:
    """The record with what does not decide the prepared file as the scan now says it."""
    ratings = {(*n.center_lps_mm, n.diameter_mm): rating_columns(n) for n in scan.nodules}
    nodules = tuple(
        {
            **row,
            "patient_id": scan.patient_id,
            **ratings.get((*(row[name] for name in CENTER), row["diameter_mm"]), {}),
        }
        for row in record.nodules
    )
    image = {name: record.study[name] for name in IMAGE_COLUMNS}
    return replace(
        record,
        sources=sources,
        study={**image, **described(scan), "nodules": len(nodules)},
        nodules=nodules,
        candidates=candidate_rows(scan, nodules),
        excluded=excluded_rows(scan),
    )
