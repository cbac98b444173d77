"""Marks against nodules by the LUNA16 challenge's rules.

The rules are those of the challenge's evaluation script (``noduleCADEvaluationLUNA16.py``) and of
Setio et al., Medical Image Analysis 2017, 42:1-13: a mark closer to a nodule's centre than its
radius hits it; of several marks on one nodule the most probable one counts and the others are
neither hits nor false alarms; a mark on an excluded finding, and on no nodule, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_MARKS = 100
"""So many marks of a scan count, the most probable ones."""

UNKNOWN_DIAMETER_MM = 10.0
"""Taken for a negative diameter, which ``annotations_excluded.csv`` has where none was measured."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Places:
    """Points in scans, with one number each.

    Args:
        scan: shape (n,): index of each point's scan.
        center_mm: shape (n, 3), in any millimetre space that all places share.
        value: shape (n,): a mark's probability, or a nodule's diameter in mm.
    """

    scan: Indices
    center_mm: Floats
    value: Floats

    def __post_init__(self) -> None:
        count = len(self.scan)
        if self.center_mm.shape != (count, 3) or self.value.shape != (count,):
            raise ValueError(
                f"{count} scans, centres of shape {self.center_mm.shape},"
                f" values of shape {self.value.shape}"
            )

    def of_scans(self, scans: int) -> list[Indices]:
        """For each scan the indices of its points, in their order."""
        order = np.argsort(self.scan, kind="stable")
        edges = np.searchsorted(self.scan[order], np.arange(scans + 1))
        return [order[edges[n] : edges[n + 1]] for n in range(scans)]


NO_PLACES = Places(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0))


@dataclass(frozen=True, eq=False)
class MarkMatch:
    """How the marks of a set of scans match its nodules.

    Args:
        scans: number of scans, those without nodules and marks too.
        nodule_scan: scan of each nodule, in the order that they were given.
        nodule_score: highest probability of a mark on each nodule, NaN where there is none.
        false_scan: scan of each false alarm.
        false_score: probability of each false alarm.
        counted_marks: marks that were looked at.
        surplus_marks: marks beyond the most that a scan may have.
        ignored_marks: marks on an excluded finding and on no nodule.
        duplicate_marks: marks on a nodule beyond its first, summed over the nodules.
    """

    scans: int
    nodule_scan: Indices
    nodule_score: Floats
    false_scan: Indices
    false_score: Floats
    counted_marks: int
    surplus_marks: int
    ignored_marks: int
    duplicate_marks: int

    @property
    def true_positives(self) -> int:
        """Nodules that a mark hits."""
        return int(np.isfinite(self.nodule_score).sum())

    @property
    def false_positives(self) -> int:
        """Marks on nothing."""
        return len(self.false_score)

    @property
    def false_negatives(self) -> int:
        """Nodules that no mark hits."""
        return len(self.nodule_score) - self.true_positives


def match_marks(
    scans: int,
    marks: Places,
    nodules: Places,
    excluded: Places = NO_PLACES,
    max_marks: int | None = MAX_MARKS,
) -> MarkMatch:
    """Match the marks of all scans.

    Args:
        scans: number of scans; the places' scan indices are below it.
        marks: with their probabilities.
        nodules: with their diameters; nodules that overlap share the marks in the overlap.
        excluded: findings on which a mark does not matter, with their diameters.
        max_marks: of a scan with more, those count whose probability is above that of the first
            one too many, which are fewer where it ties with others; None for all.
    """
    score = np.full(len(nodules.scan), np.nan)
    false: list[Indices] = []
    counted = surplus = ignored = duplicates = 0
    parts = zip(
        marks.of_scans(scans), nodules.of_scans(scans), excluded.of_scans(scans), strict=True
    )
    for all_own, lesions, skipped in parts:
        own = _most_probable(marks, all_own, max_marks)
        counted += len(own)
        surplus += len(all_own) - len(own)
        hit = _hits(marks.center_mm[own], nodules, lesions)
        duplicates += int(np.maximum(hit.sum(axis=0) - 1, 0).sum())
        for n, lesion in enumerate(lesions):
            if hit[:, n].any():
                score[lesion] = marks.value[own[hit[:, n]]].max()
        free = ~hit.any(axis=1)
        beside = free & _hits(marks.center_mm[own], excluded, skipped).any(axis=1)
        ignored += int(beside.sum())
        false.append(own[free & ~beside])
    alarms = np.concatenate(false) if false else np.zeros(0, np.int64)
    return MarkMatch(
        scans=scans,
        nodule_scan=nodules.scan,
        nodule_score=score,
        false_scan=marks.scan[alarms],
        false_score=marks.value[alarms],
        counted_marks=counted,
        surplus_marks=surplus,
        ignored_marks=ignored,
        duplicate_marks=duplicates,
    )


def _most_probable(marks: Places, own: Indices, max_marks: int | None) -> Indices:
    if max_marks is None or len(own) <= max_marks:
        return own
    first_too_many = np.sort(marks.value[own])[::-1][max_marks]
    kept: Indices = own[marks.value[own] > first_too_many]
    return kept


def _hits(centers_mm: Floats, places: Places, chosen: Indices) -> NDArray[np.bool_]:
    """Shape (marks, places): squared distance below squared radius, summed as the script does."""
    diameter = places.value[chosen]
    radius = np.where(diameter < 0, UNKNOWN_DIAMETER_MM, diameter) / 2.0
    gap = places.center_mm[chosen][None] - centers_mm[:, None]
    square = gap * gap
    distance = (square[..., 0] + square[..., 1]) + square[..., 2]
    return np.asarray(distance < (radius * radius)[None])
