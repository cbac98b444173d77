"""The results of a run beside the truth.

A mark hits the nearest nodule that it is closer to than its radius; one on an excluded finding and
on no nodule is left out. FROC curves count by the challenge's own rules (:mod:`froc_of_results`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import LpsPoint, StudyResult
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.bundles.common.data.tables import ExcludedFinding, Nodule
from nodulus.bundles.common.hit_rule import nearest_hits
from nodulus.bundles.common.metrics.detection import ScanMatch, match_scan
from nodulus.bundles.common.metrics.luna16_match import UNKNOWN_DIAMETER_MM


@dataclass(frozen=True, eq=False)
class MatchedScan:
    """One scan: its result, its true nodules, and how its candidates match them.

    Args:
        result: as it was written.
        nodules: the truth.
        candidates: match of all candidates, scored by nodule probability.
        findings: match of the findings, scored by nodule probability.
        excluded: findings that are neither nodule nor false alarm.
        on_excluded: for each candidate whether it lies on one of these and on no nodule.
    """

    result: StudyResult
    nodules: tuple[Nodule, ...]
    candidates: ScanMatch
    findings: ScanMatch
    excluded: tuple[ExcludedFinding, ...]
    on_excluded: NDArray[np.bool_]


def read_results(folder: Path) -> list[StudyResult]:
    """Read every findings.json below a folder, in the order of the series UIDs.

    Raises:
        NodulusError: ``input-empty`` or ``input-not-readable``.
    """
    results = [read_result(path) for path in folder.glob(f"*/{FINDINGS_FILE}")]
    if not results:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"there is no {FINDINGS_FILE} below it.",
            remedy="Give a folder that `nodulus detect` wrote.",
            subject=folder,
        )
    return sorted(results, key=lambda r: r.series_uid)


def read_result(path: Path) -> StudyResult:
    """Read one findings.json.

    Raises:
        NodulusError: ``input-not-readable``.
    """
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
    results: Sequence[StudyResult],
    nodules: Sequence[Nodule],
    excluded: Sequence[ExcludedFinding] = (),
) -> tuple[MatchedScan, ...]:
    """Match each scan.

    Args:
        results: one a scan; a scan without nodules counts with its false alarms.
        nodules: of these scans; those of other scans are left out.
        excluded: places that do not matter; likewise.
    """
    return tuple(
        _match(
            result,
            tuple(n for n in nodules if n.series_uid == result.series_uid),
            tuple(e for e in excluded if e.series_uid == result.series_uid),
        )
        for result in results
    )


def _match(
    result: StudyResult, nodules: tuple[Nodule, ...], excluded: tuple[ExcludedFinding, ...]
) -> MatchedScan:
    def match(points: list[LpsPoint], scores: list[float]) -> tuple[ScanMatch, NDArray[np.bool_]]:
        beside = (
            nearest_hits(
                points,
                [e.center_lps_mm for e in excluded],
                [e.diameter_mm or UNKNOWN_DIAMETER_MM for e in excluded],
            )
            >= 0
        )
        found = match_scan(
            points,
            scores,
            [n.center_lps_mm for n in nodules],
            [n.diameter_mm for n in nodules],
            beside,
        )
        return found, beside & (found.hit < 0)

    candidates, on_excluded = match(
        [c.center_lps_mm for c in result.candidates],
        [c.nodule_probability or 0.0 for c in result.candidates],
    )
    findings, _ = match(
        [f.center_lps_mm for f in result.findings],
        [f.nodule_probability for f in result.findings],
    )
    return MatchedScan(result, nodules, candidates, findings, excluded, on_excluded)


def with_probabilities(
    scan: MatchedScan,
    of_nodule: Sequence[float | None],
    of_malignancy: Sequence[float] | None = None,
) -> MatchedScan:
    """The scan with other probabilities; what was kept stays kept.

    Args:
        scan: its matches are made anew.
        of_nodule: one a candidate; its finding gets the same.
        of_malignancy: one a finding; None leaves them.
    """
    own = zip(scan.result.candidates, of_nodule, strict=True)
    candidates = tuple(c.model_copy(update={"nodule_probability": p}) for c, p in own)
    by_finding = {c.finding_id: c.nodule_probability for c in candidates}
    findings = tuple(
        f.model_copy(
            update={
                "nodule_probability": by_finding[f.id],
                "malignancy_probability": (
                    f.malignancy_probability if of_malignancy is None else of_malignancy[n]
                ),
            }
        )
        for n, f in enumerate(scan.result.findings)
    )
    result = scan.result.model_copy(update={"candidates": candidates, "findings": findings})
    return match_results([result], scan.nodules, scan.excluded)[0]


def nodule_scores(scans: Sequence[MatchedScan]) -> NDArray[np.float64]:
    """For each true nodule the best nodule probability of a candidate on it, 0 if none."""
    found = np.concatenate([s.candidates.found for s in scans] or [np.zeros(0)])
    return np.asarray(np.nan_to_num(found))


def false_scores(scans: Sequence[MatchedScan]) -> NDArray[np.float64]:
    """Nodule probabilities of all candidates on nothing."""
    return np.concatenate([s.candidates.false_scores for s in scans] or [np.zeros(0)])
