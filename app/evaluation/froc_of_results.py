"""FROC curves of results, by the challenge's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.results.luna16_marks import marks_of
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.metrics.luna16_match import (
    UNKNOWN_DIAMETER_MM,
    MarkMatch,
    Places,
    match_marks,
)


def match_candidates(scans: Sequence[MatchedScan]) -> MarkMatch:
    """Match the marks of `nodulus detect --marks`: every candidate with its nodule probability."""
    return match_marks(
        len(scans),
        _places(
            (n, m.center_lps_mm, m.probability)
            for n, scan in enumerate(scans)
            for m in marks_of(scan.result)
        ),
        _places(
            (n, nodule.center_lps_mm, nodule.diameter_mm)
            for n, scan in enumerate(scans)
            for nodule in scan.nodules
        ),
        _places(
            (n, e.center_lps_mm, e.diameter_mm or UNKNOWN_DIAMETER_MM)
            for n, scan in enumerate(scans)
            for e in scan.excluded
        ),
    )


def found_at_rate(
    match: MarkMatch,
    scans: Sequence[MatchedScan],
    belongs: Callable[[Nodule], bool],
    false_positives_per_scan: float,
) -> tuple[int, int, float]:
    """Nodules of a kind at the threshold with at most that many false positives a scan.

    Returns:
        Found, in all, and the threshold: the lowest probability whose marks, all of those at or
        above it, keep to the rate; infinite where none does.
    """
    own = np.asarray([belongs(n) for scan in scans for n in scan.nodules], dtype=bool)
    allowed = int(false_positives_per_scan * match.scans + 1e-9)
    false = np.sort(match.false_score)[::-1]
    scores = np.concatenate([match.nodule_score[np.isfinite(match.nodule_score)], false])
    passing = scores[scores > false[allowed]] if len(false) > allowed else scores
    threshold = float(passing.min()) if len(passing) else float("inf")
    found = match.nodule_score[own] >= threshold
    return int(found.sum()), int(own.sum()), threshold


def _places(rows: Iterable[tuple[int, tuple[float, float, float], float]]) -> Places:
    listed = list(rows)
    return Places(
        np.asarray([scan for scan, _, _ in listed], dtype=np.int64),
        np.asarray([center for _, center, _ in listed], dtype=np.float64).reshape(-1, 3),
        np.asarray([value for _, _, value in listed], dtype=np.float64),
    )
