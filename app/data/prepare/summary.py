"""What a run did, and what is in the cache after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodulus.app.data.prepare.problems import Problem
from nodulus.app.data.prepare.record import Record


@dataclass(frozen=True)
class PrepareSummary:
    """The result of a run.

    Args:
        source: what kind of data it was.
        scans: how many were ``prepared`` now, were there and still right (``current``), were
            ``kept`` from earlier runs, and were ``skipped`` because something is wrong with them.
        cache: what is in the cache now.
        expected: what should be, by the same names; empty where nobody knows.
        folds: scans of each fold.
        problems: everything that is wrong, the notes among it.
    """

    source: str
    scans: Mapping[str, int]
    cache: Mapping[str, int]
    expected: Mapping[str, int]
    folds: Mapping[str, int]
    problems: tuple[Problem, ...]

    def by_kind(self) -> dict[str, int]:
        """How many problems there are of each kind, the most frequent first."""
        counts = Counter(problem.kind.value for problem in self.problems)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def to_json(self) -> dict[str, Any]:
        """The content of summary.json; the problems themselves are in problems.csv."""
        return {
            "source": self.source,
            "scans": dict(self.scans),
            "cache": dict(self.cache),
            "expected": dict(self.expected),
            "folds": dict(self.folds),
            "problems": self.by_kind(),
        }


def summarise(
    source: str,
    scans: Mapping[str, int],
    records: Sequence[Record],
    problems: Sequence[Problem],
    expected: Mapping[str, int],
) -> PrepareSummary:
    """Count what is in a cache.

    Args:
        source: what kind of data it is.
        scans: what became of the scans of this run.
        records: of every scan in the cache.
        problems: everything that is wrong.
        expected: what should be there.
    """
    nodules = [row for record in records for row in record.nodules]
    candidates = [row for record in records for row in record.candidates]
    rated = [float(row["malignancy"]) for row in nodules if row["malignancy"] != ""]
    cache = {
        "series": len(records),
        "patients": len({record.study["patient_id"] for record in records}),
        "series_with_nodules": sum(bool(record.nodules) for record in records),
        "nodules": len(nodules),
        "rated": len(rated),
        "rated_malignant": sum(rating > 3 for rating in rated),
        "rated_benign": sum(rating < 3 for rating in rated),
        "candidates": len(candidates),
        "candidates_on_nodules": sum(row["class"] for row in candidates),
        "excluded": sum(len(record.excluded) for record in records),
        "bytes": sum(record.prepared_bytes for record in records),
    }
    folds = Counter(str(record.study["fold"]) for record in records if record.study["fold"] != "")
    return PrepareSummary(
        source, scans, cache, expected, dict(sorted(folds.items())), tuple(problems)
    )
