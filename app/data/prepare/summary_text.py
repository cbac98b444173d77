"""A run of ``nodulus prepare`` in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from nodulus.app.data.prepare.problems import Problem
from nodulus.app.data.prepare.summary import PrepareSummary
from nodulus.app.reading.message_words import count
from nodulus.bundles.common.data import cache_folder

SHOWN = 5
"""So many problems of each kind are shown; problems.csv has them all."""

_NAMES = {"series_with_nodules": "series with nodules"}


def problem_lines(summary: PrepareSummary) -> Iterator[tuple[bool, str]]:
    """One line a problem, the first of each kind, and whether it is grave."""
    by_kind: dict[str, list[Problem]] = defaultdict(list)
    for problem in summary.problems:
        by_kind[problem.kind.value].append(problem)
    for kind, problems in sorted(by_kind.items(), key=lambda item: item[1][0].is_note):
        grave = not problems[0].is_note
        for problem in problems[:SHOWN]:
            series = f" (series {problem.series_uid})" if _needs_series(problem) else ""
            yield grave, f"{'error' if grave else 'note'}: [{kind}] {problem}{series}"
        if len(problems) > SHOWN:
            more = len(problems) - SHOWN
            yield grave, f"  and {more:,} more [{kind}] in {cache_folder.PROBLEMS}"


def _needs_series(problem: Problem) -> bool:
    """The file's name often is the series."""
    if problem.series_uid is None:
        return False
    return problem.path is None or problem.series_uid not in problem.path.name


def summary_lines(summary: PrepareSummary, cache: Path) -> Iterator[str]:
    """What was done, what is in the cache now, and how that differs from what should be."""
    scans = summary.scans
    yield (
        f"{count(scans['prepared'], 'scan')} prepared now, {scans['current']:,} were there and "
        f"still right, {scans['kept']:,} kept from other runs, {scans['skipped']:,} skipped while "
        "preparing"
    )
    held = summary.cache
    for name in ("series", "series_with_nodules", "nodules"):
        line = f"{_NAMES.get(name, name)}: {held[name]:,}"
        if name in summary.expected:
            expected = summary.expected[name]
            same = "" if held[name] == expected else f", {held[name] - expected:+,}"
            line += f" of {expected:,}{same}"
        yield line
    yield f"patients: {held['patients']:,}"
    yield (
        f"nodules with a malignancy: {held['rated']:,}, of them {held['rated_malignant']:,} above "
        f"3 and {held['rated_benign']:,} below"
    )
    yield (
        f"candidates: {held['candidates']:,}, of them {held['candidates_on_nodules']:,} on nodules;"
        f" excluded findings: {held['excluded']:,}"
    )
    grave = sum(not problem.is_note for problem in summary.problems)
    notes = len(summary.problems) - grave
    yield f"{count(grave, 'problem')} and {count(notes, 'note')}: {cache / cache_folder.PROBLEMS}"
    yield f"{cache}: {held['bytes'] / 2**20:,.0f} MiB"


def is_whole(summary: PrepareSummary) -> bool:
    """Whether nothing was wrong but what notes say."""
    return all(problem.is_note for problem in summary.problems)
