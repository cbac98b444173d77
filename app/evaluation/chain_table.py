"""What becomes of nodules and non-nodules along the chain, in one table.

After chapter 14 of 'Deep Learning with PyTorch' (Stevens, Antiga, Viehmann, Manning 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.evaluation.nodule_groups import GROUPS, is_benign, is_malignant
from nodulus.app.result import CandidateRecord
from nodulus.bundles.common.data.tables import Nodule

ROWS = ("non-nodules", "benign", "malignant", "undecided or not rated")


@dataclass
class Outcomes:
    """One row of the table.

    Args:
        missed: nodules that no candidate of the nodule classifier hits; None for non-nodules,
            which nobody has counted.
        filtered_out: below the operating point of the nodule probability.
        predicted_benign: a finding below the operating point of malignancy.
        predicted_malignant: a finding at or above it.
    """

    missed: int | None = 0
    filtered_out: int = 0
    predicted_benign: int = 0
    predicted_malignant: int = 0


@dataclass
class ChainTable:
    """Outcomes by kind of nodule, for one group of nodules.

    Args:
        group: its name (:data:`~nodulus.app.evaluation.nodule_groups.GROUPS`).
        rows: by the names of :data:`ROWS`; non-nodules only where all are counted.
    """

    group: str
    rows: dict[str, Outcomes] = field(default_factory=dict)


def chain_tables(scans: Sequence[MatchedScan]) -> tuple[ChainTable, ...]:
    """The table over all nodules, then by size and texture where there is a nodule."""
    nodules = [
        (nodule, column)
        for scan in scans
        for nodule, column in zip(scan.nodules, nodule_outcomes(scan), strict=True)
    ]
    tables = []
    for group, belongs in GROUPS.items():
        if belongs in {is_benign, is_malignant}:
            continue
        rows = {name: Outcomes() for name in ROWS[1:]}
        own = [(n, column) for n, column in nodules if belongs(n)]
        for nodule, column in own:
            _count(rows[_row(nodule)], column)
        if group == "all":
            rows = {ROWS[0]: _non_nodules(scans), **rows}
        elif not own:
            continue
        tables.append(ChainTable(group, rows))
    return tuple(tables)


def nodule_outcomes(scan: MatchedScan) -> list[str]:
    """The column of each nodule of a scan.

    A nodule becomes a finding if a finding hits it, or if a candidate that hits it became one:
    a finding is measured on the scanner's grid, and its centre may be a little elsewhere.
    """
    findings = _findings_of_nodules(scan)
    suspicious = {f.id for f in scan.result.findings if f.suspicious}
    seen = {
        int(hit)
        for candidate, hit in zip(scan.result.candidates, scan.candidates.hit, strict=True)
        if candidate.nodule_probability is not None
    }
    columns = []
    for n in range(len(scan.nodules)):
        if findings[n]:
            columns.append(_called(bool(findings[n] & suspicious)))
        else:
            columns.append("filtered_out" if n in seen else "missed")
    return columns


def _findings_of_nodules(scan: MatchedScan) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in scan.nodules]
    for finding, hit in zip(scan.result.findings, scan.findings.hit, strict=True):
        if hit >= 0:
            found[hit].add(finding.id)
    for candidate, hit in zip(scan.result.candidates, scan.candidates.hit, strict=True):
        if hit >= 0 and candidate.finding_id is not None:
            found[hit].add(candidate.finding_id)
    return found


def _non_nodules(scans: Sequence[MatchedScan]) -> Outcomes:
    """Candidates that the nodule classifier saw, on no nodule and no excluded finding."""
    row = Outcomes(missed=None)
    for scan in scans:
        of_nodules: set[int] = set().union(*_findings_of_nodules(scan))
        suspicious = {f.id for f in scan.result.findings if f.suspicious}
        free = (scan.candidates.hit < 0) & ~scan.on_excluded
        for n in np.flatnonzero(free):
            candidate = scan.result.candidates[n]
            if candidate.nodule_probability is None or candidate.finding_id in of_nodules:
                continue
            if candidate.finding_id is not None:
                _count(row, _called(candidate.finding_id in suspicious))
            elif not candidate.kept and not _absorbed(scan, candidate):
                _count(row, "filtered_out")
    return row


def _absorbed(scan: MatchedScan, candidate: CandidateRecord) -> bool:
    """Whether it passed the nodule classifier and its voxels went to another finding."""
    points = {p.name: p.threshold for p in scan.result.operating_points}
    probability = candidate.nodule_probability or 0.0
    return "nodule" in points and probability >= points["nodule"]


def _called(suspicious: bool) -> str:
    return "predicted_malignant" if suspicious else "predicted_benign"


def _row(nodule: Nodule) -> str:
    if is_malignant(nodule):
        return "malignant"
    return "benign" if is_benign(nodule) else "undecided or not rated"


def _count(row: Outcomes, column: str) -> None:
    setattr(row, column, getattr(row, column) + 1)
