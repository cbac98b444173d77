"""LUNA16 as downloaded: ten folders of mhd and raw files, and tables.

Setio et al., Medical Image Analysis 42, 2017; https://luna16.grand-challenge.org.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nodulus.app.data.prepare.luna16_image import load_luna16
from nodulus.app.data.prepare.luna16_ratings import RatedNodules, rate_nodules
from nodulus.app.data.prepare.luna16_tables import Luna16Tables, read_tables
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.app.progress import Progress
from nodulus.app.reading.message_words import abbreviated
from nodulus.app.reading.mhd import MhdHeader, read_mhd_header
from nodulus.bundles.common.data.tables import LabelledCandidate, Nodule
from nodulus.bundles.common.hit_rule import nearest_hits
from nodulus.bundles.common.lidc.database import read_scans

EXPECTED = {"series": 888, "series_with_nodules": 601, "nodules": 1186}
"""What the whole of LUNA16 holds."""

_SUBSET = re.compile(r"subset(\d+)")

_SUBSETS = tuple(f"subset{number}" for number in range(10))
_MANY = 10
"""Fewer missing series are named one by one."""


@dataclass(frozen=True)
class Luna16:
    """What a folder holds.

    Args:
        scans: to prepare, by series UID.
        problems: what is wrong with the rest.
        expected: how much there should be, by the names of the summary's counts.
    """

    scans: tuple[TrainingScan, ...]
    problems: tuple[Problem, ...]
    expected: dict[str, int]


def find_luna16(
    root: Path,
    *,
    agreement: float = 0.5,
    partial_set: bool = False,
    progress: Progress | None = None,
) -> Luna16:
    """Find the scans of LUNA16 and what the tables and LIDC-IDRI's readers say about them.

    Args:
        root: with the folders ``subset0`` to ``subset9``, or some of them, and the tables, in it
            or below.
        agreement: share of a nodule's readers that must cover a voxel of it.
        partial_set: only some subsets are meant to be here: a series without its scan is only
            counted.
        progress: called with (scans done, scans in all).

    Raises:
        FileNotFoundError: no such folder, no ``annotations.csv``, or no scan in it.
        TableError: a table cannot be read at all.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder")
    tables = read_tables(root)
    problems = list(tables.problems)
    images: list[Problem] = []
    found = _by_uid(root, images)
    if not found:
        nodules = sum(map(len, tables.nodules.values()))
        first = f"; {len(images):,} cannot be read, the first: {images[0]}" if images else ""
        raise FileNotFoundError(
            f"{root}: no scan (subset*/*.mhd) that can be read, of {len(tables.series):,} series "
            f"with {nodules:,} nodules that the tables name{first}"
        )
    problems += images
    if not partial_set:
        on_disk = {*found, *(problem.series_uid for problem in images)}
        problems += _not_on_disk(tables, on_disk, root)
    database_missing = _without_database(root, problems)
    scans = []
    for done, (uid, header) in enumerate(sorted(found.items()), start=1):
        if tables.listed and uid not in tables.listed:
            message = "the series is not in seriesuids.csv; left out"
            kind = ProblemKind.SERIES_NOT_LISTED
            problems.append(Problem(kind, message, header.path, series_uid=uid))
        else:
            scans.append(_scan(header, tables, agreement, database_missing, problems))
        if progress is not None:
            progress(done, len(found))
    return Luna16(tuple(scans), tuple(problems), _expected(tables, database_missing))


def _headers(root: Path) -> list[Path]:
    """The headers in the subsets; what else lies there, such as lung masks, is none."""
    return _in_subsets(root, ".mhd")


def _in_subsets(root: Path, suffix: str) -> list[Path]:
    """Files of the subsets, which lie in the folder or one folder below; links are followed."""
    return sorted(
        path
        for pattern in ("subset*/*", "*/subset*/*")
        for path in root.glob(pattern + suffix)
        if _SUBSET.fullmatch(path.parent.name) and not path.name.startswith(".")
    )


def _by_uid(root: Path, problems: list[Problem]) -> dict[str, MhdHeader]:
    """The headers that can be read and whose data is there, by series UID."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for path in _headers(root):
        paths[path.stem].append(path)
    found = {}
    for uid, (path, *others) in sorted(paths.items()):
        if others:
            names = ", ".join(str(other.relative_to(root)) for other in others)
            message = f"{names} claims the same series UID; all of them are left out"
            problems.append(Problem(ProblemKind.UID_TWICE, message, path, series_uid=uid))
            continue
        try:
            header = read_mhd_header(path)
            header.check_size()
            found[uid] = header
        except FileNotFoundError as error:
            message = f"{error}; scan left out"
            problems.append(Problem(ProblemKind.IMAGE_MISSING, message, path, series_uid=uid))
        except (OSError, ValueError) as error:
            message = f"{error}; scan left out"
            problems.append(Problem(ProblemKind.IMAGE_BROKEN, message, path, series_uid=uid))
    for raw in _in_subsets(root, ".raw"):
        if raw.stem not in paths:
            message = f"{raw.stem}.mhd, its header, is missing; scan left out"
            problems.append(Problem(ProblemKind.IMAGE_MISSING, message, raw, series_uid=raw.stem))
    return found


def _not_on_disk(tables: Luna16Tables, on_disk: set[str | None], root: Path) -> list[Problem]:
    """One problem for each series of the tables without a scan.

    Where subsets are missing, as they usually are, the many that lie in them are one note. A
    subset's folder without a scan is missing too: of it nothing was downloaded yet.
    """
    problems = []
    missing = sorted(uid for uid in tables.series if uid not in on_disk)
    there = {
        p.parent.name for suffix in (".mhd", ".raw", ".zraw") for p in _in_subsets(root, suffix)
    }
    absent = [name for name in _SUBSETS if name not in there]
    if absent and len(missing) >= _MANY:
        nodules = sum(len(tables.nodule_rows.get(uid, [])) for uid in missing)
        message = (
            f"{len(missing)} of {len(tables.series)} listed series, with {nodules} nodules, are "
            f"not on disk; {len(absent)} of {len(_SUBSETS)} subsets are missing "
            f"({abbreviated(absent)})"
        )
        return [Problem(ProblemKind.SUBSETS_MISSING, message, root)]
    for uid in missing:
        lines = tables.nodule_rows.get(uid, [])
        path, row = tables.annotations, lines[0] if lines else None
        if row is None and tables.listed:
            path, row = tables.series_file or path, tables.listed[uid]
        message = f"the series is not on disk; {len(lines)} of its nodules left out"
        problems.append(Problem(ProblemKind.SERIES_NOT_ON_DISK, message, path, row, uid))
    return problems


def _without_database(root: Path, problems: list[Problem]) -> bool:
    try:
        read_scans()
    except FileNotFoundError as error:
        message = f"{error}; prepared without ratings and outlines"
        problems.append(Problem(ProblemKind.RATINGS_MISSING, message, root))
        return True
    return False


def _scan(
    header: MhdHeader,
    tables: Luna16Tables,
    agreement: float,
    database_missing: bool,
    problems: list[Problem],
) -> TrainingScan:
    uid = header.path.stem
    nodules = tables.nodules.get(uid, [])
    rows = tables.nodule_rows.get(uid, [])
    if database_missing:
        joined = RatedNodules(tuple(nodules))
    else:
        joined = rate_nodules(uid, nodules, header.geometry)
    for k in joined.unmatched:
        message = "no nodule of LIDC-IDRI lies here; kept without ratings"
        kind = ProblemKind.RATINGS_MISSING
        problems.append(Problem(kind, message, tables.annotations, rows[k], uid))
    if joined.known is None and not database_missing:
        message = "the series is not in LIDC-IDRI; its UID stands for the patient, without ratings"
        problems.append(Problem(ProblemKind.PATIENT_UNKNOWN, message, header.path, series_uid=uid))
    candidates, differ = _by_rule(tables.candidates.get(uid, []), nodules)
    if differ:
        message = (
            f"{differ} of {len(candidates)} candidates have another class than the distance to "
            "the nodules says, which holds"
        )
        problems.append(Problem(ProblemKind.CLASS_DIFFERS, message, header.path, series_uid=uid))
    return TrainingScan(
        series_uid=uid,
        patient_id=joined.known.patient_id if joined.known else uid,
        load=partial(
            load_luna16,
            header.path,
            uid,
            joined.nodules,
            joined.known,
            joined.references,
            agreement,
        ),
        source_files=(header.path, header.data),
        recipe=f"luna16 1 agreement={agreement:g} outlines={joined.known is not None}",
        nodules=joined.nodules,
        candidates=candidates,
        excluded=tuple(tables.excluded.get(uid, ())),
        fold=int(header.path.parent.name.removeprefix("subset")),
        table=tables.annotations,
        table_rows=tuple(rows),
    )


def _by_rule(
    candidates: list[LabelledCandidate], nodules: list[Nodule]
) -> tuple[tuple[LabelledCandidate, ...], int]:
    """The candidates with their class by LUNA16's rule, and how many had another one."""
    hits = nearest_hits(
        [candidate.center_lps_mm for candidate in candidates],
        [nodule.center_lps_mm for nodule in nodules],
        [nodule.diameter_mm for nodule in nodules],
    )
    ruled = tuple(
        replace(candidate, is_nodule=bool(hit >= 0))
        for candidate, hit in zip(candidates, hits, strict=True)
    )
    differ = sum(a.is_nodule != b.is_nodule for a, b in zip(ruled, candidates, strict=True))
    return ruled, differ


def _expected(tables: Luna16Tables, database_missing: bool) -> dict[str, int]:
    """LUNA16's own numbers where the tables are of LUNA16, else the tables' numbers."""
    if not database_missing and tables.series & read_scans().keys():
        return dict(EXPECTED)
    counted = {
        "series_with_nodules": len(tables.nodules),
        "nodules": sum(map(len, tables.nodules.values())),
    }
    return {"series": len(tables.listed), **counted} if tables.listed else counted
