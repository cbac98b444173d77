"""Writes the tables of a cache."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nodulus.app.data.prepare.record import Record
from nodulus.app.data.prepare.rows import (
    CANDIDATE_COLUMNS,
    EXCLUDED_COLUMNS,
    NODULE_COLUMNS,
    STUDY_COLUMNS,
    columns_of,
)
from nodulus.app.data.prepare.summary import PrepareSummary
from nodulus.bundles.common.atomic_files import write_table, write_text
from nodulus.bundles.common.data import cache_folder

PROBLEM_COLUMNS = ("kind", "series_uid", "path", "row", "message")


def write_tables(cache: Path, records: Sequence[Record], summary: PrepareSummary) -> None:
    """Write the four tables, problems.csv and summary.json.

    Args:
        cache: the folder.
        records: of every scan in it, sorted.
        summary: of the run.
    """
    studies = [record.study for record in records]
    write_table(cache / cache_folder.STUDIES, columns_of(studies, STUDY_COLUMNS), studies)
    for name, columns, rows in (
        (cache_folder.NODULES, NODULE_COLUMNS, (n for r in records for n in r.nodules)),
        (cache_folder.CANDIDATES, CANDIDATE_COLUMNS, (c for r in records for c in r.candidates)),
        (cache_folder.EXCLUDED, EXCLUDED_COLUMNS, (e for r in records for e in r.excluded)),
    ):
        write_table(cache / name, columns, rows)
    problems = [{**asdict(problem), "kind": problem.kind.value} for problem in summary.problems]
    write_table(cache / cache_folder.PROBLEMS, PROBLEM_COLUMNS, problems)
    write_text(cache / cache_folder.SUMMARY, json.dumps(summary.to_json(), indent=1) + "\n")
