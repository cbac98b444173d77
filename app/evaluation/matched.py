"""The results of a run beside the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import ErrorCode, NodulusError
from app.results.folder import FINDINGS_FILE
from app.results.model import StudyResult
from bundles.common.data.tables import Nodule
from bundles.common.metrics.detection import ScanMatch, match_scan


@dataclass(frozen=True, eq=False)
class MatchedScan:
    """One scan: its result, its true nodules, and how its candidates match them.

    Args:
        result: as it was written.
        nodules: the truth.
        candidates: match of all candidates, scored by nodule probability.
        findings: match of the findings, scored by nodule probability.
    """

    result: StudyResult
    nodules: tuple[Nodule, ...]
    candidates: ScanMatch
    findings: ScanMatch


def read_results(folder: Path) -> list[StudyResult]:
    """Read every findings.json below a folder, in the order of the series UIDs.

    Raises:
        NodulusError: ``input-empty`` or ``input-not-readable``.
    """
    results = [_read(path) for path in folder.glob(f"*/{FINDINGS_FILE}")]
    if not results:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"there is no {FINDINGS_FILE} below it.",
            remedy="Give a folder that `nodulus detect` wrote.",
            subject=folder,
        )
    return sorted(results, key=lambda r: r.series_uid)


def _read(path: Path) -> StudyResult:
    try:
        return StudyResult.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            "not a result of Nodulus.",
            remedy="Give a folder that `nodulus detect` wrote.",
            subject=path,
        ) from error


def match_results(
    results: Sequence[StudyResult], nodules: Sequence[Nodule]
) -> tuple[MatchedScan, ...]:
    """Match by LUNA16's rule: a mark hits a nodule that it is closer to than its radius.

    Args:
        results: one a scan; a scan without nodules counts with its false alarms.
        nodules: of these scans; those of other scans are left out.
    """
    scans = []
    for result in results:
        own = tuple(n for n in nodules if n.series_uid == result.series_uid)
        centers = [n.center_lps_mm for n in own]
        diameters = [n.diameter_mm for n in own]
        scans.append(
            MatchedScan(
                result,
                own,
                match_scan(
                    [c.center_lps_mm for c in result.candidates],
                    [c.nodule_probability or 0.0 for c in result.candidates],
                    centers,
                    diameters,
                ),
                match_scan(
                    [f.center_lps_mm for f in result.findings],
                    [f.nodule_probability for f in result.findings],
                    centers,
                    diameters,
                ),
            )
        )
    return tuple(scans)


def nodule_scores(scans: Sequence[MatchedScan]) -> NDArray[np.float64]:
    """For each true nodule the best nodule probability of a candidate on it, 0 if none."""
    found = np.concatenate([s.candidates.found for s in scans] or [np.zeros(0)])
    return np.asarray(np.nan_to_num(found))


def false_scores(scans: Sequence[MatchedScan]) -> NDArray[np.float64]:
    """Nodule probabilities of all candidates on nothing."""
    return np.concatenate([s.candidates.false_scores for s in scans] or [np.zeros(0)])
