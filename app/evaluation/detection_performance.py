"""Sensitivity and false positives, over all and by kind of nodule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.evaluation.nodule_groups import GROUPS, is_benign, is_malignant


@dataclass(frozen=True)
class Row:
    """One group of nodules: how many, found by a finding, seen by any candidate."""

    group: str
    nodules: int
    found: int
    seen: int

    @property
    def sensitivity(self) -> float | None:
        """Share found; None where there is no nodule."""
        return self.found / self.nodules if self.nodules else None


@dataclass(frozen=True)
class Evaluation:
    """A run against the truth, at the operating points that it was made with.

    Args:
        scans: number of scans.
        false_positives_per_scan: findings on nothing.
        false_candidates_per_scan: candidates on nothing, before the nodule classifier.
        malignancy_auc: of findings on malignant against benign nodules; None without both.
        rows: by group.
    """

    scans: int
    false_positives_per_scan: float
    false_candidates_per_scan: float
    malignancy_auc: float | None
    rows: tuple[Row, ...]


def evaluate(scans: Sequence[MatchedScan]) -> Evaluation:
    """Count.

    Args:
        scans: at least one.
    """
    rows = []
    for name, belongs in GROUPS.items():
        total = found = seen = 0
        for scan in scans:
            for n, nodule in enumerate(scan.nodules):
                if belongs(nodule):
                    total += 1
                    found += bool(np.isfinite(scan.findings.found[n]))
                    seen += bool(np.isfinite(scan.candidates.found[n]))
        rows.append(Row(name, total, found, seen))
    return Evaluation(
        scans=len(scans),
        false_positives_per_scan=sum(len(s.findings.false_scores) for s in scans) / len(scans),
        false_candidates_per_scan=sum(len(s.candidates.false_scores) for s in scans) / len(scans),
        malignancy_auc=_malignancy_auc(scans),
        rows=tuple(rows),
    )


def malignancy_by_nodule(scans: Sequence[MatchedScan]) -> dict[tuple[int, int], float]:
    """Malignancy probability of each found nodule, by the numbers of its scan and of itself.

    Of several findings on one nodule the highest counts.
    """
    best: dict[tuple[int, int], float] = {}
    for number, scan in enumerate(scans):
        for finding, hit in zip(scan.result.findings, scan.findings.hit, strict=True):
            if hit >= 0:
                key = number, int(hit)
                best[key] = max(best.get(key, 0.0), finding.malignancy_probability)
    return best


def malignancy_scores(scans: Sequence[MatchedScan]) -> tuple[list[float], list[float]]:
    """Malignancy probability of each found malignant and each found benign nodule.

    Of several findings on one nodule the highest counts; rating 3 is left out.
    """
    scores: dict[bool, list[float]] = {True: [], False: []}
    for (number, hit), score in malignancy_by_nodule(scans).items():
        nodule = scans[number].nodules[hit]
        if is_malignant(nodule) or is_benign(nodule):
            scores[is_malignant(nodule)].append(score)
    return scores[True], scores[False]


def _malignancy_auc(scans: Sequence[MatchedScan]) -> float | None:
    """Probability that a malignant one is rated above a benign one; ties count half."""
    malignant, benign = malignancy_scores(scans)
    if not malignant or not benign:
        return None
    scores = [*malignant, *benign]
    return float(roc_auc_score(np.arange(len(scores)) < len(malignant), scores))
